"""Handles interrupts so that none is lost, and a key that is held down interrupts once.

Python raises KeyboardInterrupt at any point of the program. An import with a bare `except`, or a callback of a C library,
may suppress it there, and the run would continue. So an interrupt is remembered, and raised again at the next import and
at the next step. In a destructor Python would only print it; this output is suppressed. Raised while a C extension such as
torch's initialises itself, it could abort the process; there it is only remembered.

A terminal repeats a key that is held down, and a group of processes may get a signal twice. If each of them raised, the
second would interrupt what ends the run because of the first. So a signal shortly after another belongs to it.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ExtensionFileLoader
from types import FrameType
from typing import TYPE_CHECKING

from llenergymeasure._api.signals import is_in_uninterrupted_block
from llenergymeasure.cli.final import OUTCOME, without_interrupts

if TYPE_CHECKING:
    from llenergymeasure.progress import Progress

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_OF_IMPORTS = frozenset({"import", "exec"})
_OF_EXTENSIONS = {ExtensionFileLoader.create_module.__code__, ExtensionFileLoader.exec_module.__code__}
# A signal that arrives sooner after another belongs to it. By default X.Org repeats a key that is held down after 0.66 s, and
# then every 40 ms (xset(1)); a person who presses it again takes about a second to see that nothing has happened.
HELD_DOWN_S = 0.7


class Interrupts:
    """Handles SIGINT and SIGTERM while a command runs: both end it and release the model and its helpers.

    Args:
        now: a clock in seconds.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.heard = False
        self._now, self._last_s = now, 0.0
        self._listens = self._watches = False

    @contextmanager
    def listening(self) -> Iterator[Interrupts]:
        """Handle both signals inside the block. One that the program ignores stays ignored: a shell starts commands with `&` so."""
        heard = (
            [number for number in _SIGNALS if signal.getsignal(number) not in (signal.SIG_IGN, None)]
            if _may_listen()
            else []
        )
        before = {number: signal.signal(number, self._hear) for number in heard}
        previous_hook = sys.unraisablehook
        sys.unraisablehook = without_interrupts(previous_hook)
        self.heard, self._listens, OUTCOME.is_final = False, True, False
        try:
            yield self
        finally:
            self._listens = False
            sys.unraisablehook = previous_hook
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if OUTCOME.is_final:
            return
        before_s, self._last_s = self._last_s, self._now()
        if self.heard and self._last_s - before_s < HELD_DOWN_S:
            return
        self.heard = True
        if not self._watches:  # an audit hook cannot be removed, so it is added only when needed
            self._watches = True
            sys.addaudithook(self._watch)
        if not _starts_an_extension(frame):
            raise KeyboardInterrupt

    def _watch(self, event: str, arguments: object) -> None:
        """Raise the interrupt again during imports, which take long and often suppress interrupts."""
        if event not in _OF_IMPORTS or not self._listens or not self.heard or OUTCOME.is_final:
            return
        if _may_listen() and not _may_not_be_interrupted() and not _starts_an_extension(sys._getframe()):
            raise KeyboardInterrupt

    def check(self) -> None:
        """Raise a remembered interrupt again, unless it is being handled or a block must be finished."""
        if self.heard and not _may_not_be_interrupted():
            raise KeyboardInterrupt


INTERRUPTS = Interrupts()


def _may_not_be_interrupted() -> bool:
    """Whether a block must be finished, or an interrupt is being handled by `except` or `finally`, which may import modules."""
    if is_in_uninterrupted_block():
        return True
    error = sys.exc_info()[1]
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _starts_an_extension(frame: FrameType | None) -> bool:
    """Whether a C extension initialises itself below this frame."""
    while frame is not None:
        if frame.f_code in _OF_EXTENSIONS:
            return True
        frame = frame.f_back
    return False


def _may_listen() -> bool:
    return threading.current_thread() is threading.main_thread()


class Attentive:
    """A progress that raises suppressed interrupts again at every step."""

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
