"""Counts the compilations of torch and measures their duration.

`torch.compile` compiles a shape at its first use; CUDA graphs are recorded at its second use. Both happen
inside `generate`, also without torch_compile: transformers compiles the decode step of a static cache on CUDA by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch._dynamo.callback import callback_handler

from llenergymeasure.protocols import Clock


class CompilationLog:
    """Collects the reports of dynamo's callbacks while it is open. It costs nothing when nothing is compiled.

    Attributes:
        count: number of compilations, including attempts and recorded CUDA graphs.
        seconds: duration of the compilations.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_s = 0.0
        self.count = 0
        self.seconds = 0.0

    @contextmanager
    def open(self) -> Iterator[None]:
        """Register the callbacks."""
        callback_handler.register_start_callback(self._started)
        callback_handler.register_end_callback(self._ended)
        try:
            yield
        finally:
            callback_handler.remove_start_callback(self._started)
            callback_handler.remove_end_callback(self._ended)

    def _started(self, *_what: Any) -> None:
        self._since_s = self._clock.now()

    def _ended(self, *_what: Any) -> None:
        self.count += 1
        self.seconds += self._clock.now() - self._since_s


def forget_compiled_code() -> None:
    """Release the compiled code of a model that no longer exists.

    torch counts the versions of a piece of code over all models of a process. After eight versions it stops compiling, and
    the next model would run without compilation.
    """
    torch.compiler.reset()
