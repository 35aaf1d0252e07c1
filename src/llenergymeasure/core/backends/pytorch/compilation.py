"""How often torch compiled, and for how long.

`torch.compile` compiles a shape when it first meets it; CUDA graphs are recorded when a shape comes again. Both happen
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
    """What dynamo's callbacks tell while it is open; costs nothing where nothing is compiled.

    Attributes:
        count: compilations, tried ones and recorded CUDA graphs included.
        seconds: how long they took.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_s = 0.0
        self.count = 0
        self.seconds = 0.0

    @contextmanager
    def open(self) -> Iterator[None]:
        """Listen."""
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
    """Give back what was compiled for a model that is gone.

    torch counts the versions of one piece of code over all models of a process: after eight it compiles no more, and the
    next model would run as it is.
    """
    torch.compiler.reset()
