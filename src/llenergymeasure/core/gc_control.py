"""When Python's garbage collector runs, and when it does not."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from llenergymeasure.core.machine.signals import uninterrupted


def collect_garbage() -> None:
    """Collect what is garbage now.

    Raises:
        KeyboardInterrupt: an interrupt arrived; Python would only report one that is raised in a destructor, and go on.
    """
    with uninterrupted():
        gc.collect()


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
    seventh of the import time. Afterwards they are moved to the oldest generation, which young collections skip. A program
    that has frozen its objects, as `llem run` does, is assumed to want these frozen too: then no collection scans them.
    """
    modules = len(sys.modules)
    freezes = gc.get_freeze_count() > 0
    with without_garbage_collection():
        yield
        if len(sys.modules) > modules:
            gc.freeze()
            if not freezes:
                gc.unfreeze()
