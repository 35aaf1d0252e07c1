"""Blocks in which Python's garbage collector does not run."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Disable the garbage collector in a block, such as the window, so that its pauses are not measured."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def importing_heavy() -> Iterator[None]:
    """Disable the garbage collector while a large library is imported.

    Importing torch and transformers creates a million long-lived objects; scanning them repeatedly for garbage takes a
    seventh of the import time. Afterwards they are moved to the oldest generation, which young collections skip.
    """
    modules = len(sys.modules)
    with without_garbage_collection():
        yield
        # Objects that the program itself froze must stay frozen.
        if len(sys.modules) > modules and gc.get_freeze_count() == 0:
            gc.freeze()
            gc.unfreeze()
