"""An interrupt that cannot be lost.

Python raises KeyboardInterrupt wherever it happens to be. There, an import that guards itself with a bare `except`, or a
callback of a C library, may swallow it: the run would go on, and the user would wait. So it is remembered, and raised
again at the next import and at the next step. In a destructor Python would only print it, which nobody needs to read.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llenergymeasure.progress import Progress

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_OF_IMPORTS = frozenset({"import", "exec"})


class Interrupts:
    """SIGINT and SIGTERM while a command runs: SIGTERM ends it as Ctrl-C does, releasing the model and its helpers."""

    def __init__(self) -> None:
        self.heard = False
        self._listens = self._watches = False

    @contextmanager
    def listening(self) -> Iterator[Interrupts]:
        """Hear both signals inside of the block."""
        before = {number: signal.signal(number, self._hear) for number in _SIGNALS} if _may_listen() else {}
        complain = sys.unraisablehook
        sys.unraisablehook = _of_others(complain)
        self.heard, self._listens = False, True
        try:
            yield self
        finally:
            self._listens = False
            sys.unraisablehook = complain
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.heard = True
        if not self._watches:  # a hook stays for ever: only who needs it pays for it
            self._watches = True
            sys.addaudithook(self._watch)
        raise KeyboardInterrupt

    def _watch(self, event: str, arguments: object) -> None:
        """Raise again while modules are imported, which takes long and is where interrupts get lost."""
        if event in _OF_IMPORTS and self._listens and self.heard and _may_listen() and not _is_handled():
            raise KeyboardInterrupt

    def check(self) -> None:
        """Raise again what was heard and got lost."""
        if self.heard:
            raise KeyboardInterrupt


INTERRUPTS = Interrupts()


def _of_others(tell: Callable[[sys.UnraisableHookArgs], object]) -> Callable[[sys.UnraisableHookArgs], None]:
    """A hook for faults in destructors that tells all but interrupts."""

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            tell(unraisable)

    return hook


def _is_handled() -> bool:
    """Whether an interrupt is on its way through `except` and `finally`, which may import what they need."""
    error = sys.exc_info()[1]
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


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
