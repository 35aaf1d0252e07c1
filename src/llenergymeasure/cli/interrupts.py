"""An interrupt that cannot be lost.

Python raises KeyboardInterrupt wherever it happens to be. There, an import that guards itself with a bare `except`, or a
callback of a C library, may swallow it: the run would go on, and the user would wait. So it is remembered, and raised
again at the next step.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from llenergymeasure.progress import Progress

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupts:
    """SIGINT and SIGTERM while a command runs: SIGTERM ends it as Ctrl-C does, releasing the model and its helpers."""

    def __init__(self) -> None:
        self.heard = False

    @contextmanager
    def listening(self) -> Iterator[Interrupts]:
        """Hear both signals inside of the block."""
        before = {number: signal.signal(number, self._hear) for number in _SIGNALS} if _may_listen() else {}
        self.heard = False
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.heard = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise again what was heard and got lost."""
        if self.heard:
            raise KeyboardInterrupt


INTERRUPTS = Interrupts()


def _may_listen() -> bool:
    return threading.current_thread() is threading.main_thread()


class Attentive:
    """A progress that looks for lost interrupts at every step."""

    def __init__(self, progress: Progress, interrupts: Interrupts = INTERRUPTS) -> None:
        self._progress, self._interrupts = progress, interrupts

    def step(self, text: str, seconds: float | None = None) -> None:
        self._interrupts.check()
        self._progress.step(text, seconds)

    def advance(self, seconds: float) -> None:
        self._interrupts.check()
        self._progress.advance(seconds)

    def note(self, text: str) -> None:
        self._progress.note(text)

    def done(self) -> None:
        self._progress.done()
