"""When the interpreter's cycle collector may not run."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Keep the cycle collector out of a block: of the window, since its pauses are not the model's."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def importing_heavy() -> Iterator[None]:
    """Around an import that brings a large library.

    Importing torch and transformers makes a million objects that stay: looking through them again and again for garbage
    would take a seventh of the time. Afterwards they count as old, so that the next look at young objects skips them.
    """
    modules = len(sys.modules)
    with without_garbage_collection():
        yield
        if (
            len(sys.modules) > modules and gc.get_freeze_count() == 0
        ):  # else it would undo what the program itself froze
            gc.freeze()
            gc.unfreeze()
