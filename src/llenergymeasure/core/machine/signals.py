"""Holds SIGINT and SIGTERM back while something must not be interrupted, and keeps their handlers where a library sets its own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

HELD = (signal.SIGINT, signal.SIGTERM)


def _nothing(_number: int) -> None:
    """Do nothing."""


@contextmanager
def held_back(on_signal: Callable[[int], object] = _nothing) -> Iterator[list[int]]:
    """Hold both signals back inside the block. Yields the list of received signals.

    Python allows this in the main thread only; in another thread, which signals do not interrupt, the list stays empty. A
    signal that the program ignores, as SIGINT below `nohup`, stays ignored.

    Args:
        on_signal: called with the number of each signal that arrives.
    """
    received: list[int] = []

    def receive(number: int, frame: FrameType | None) -> None:
        received.append(number)
        on_signal(number)

    if threading.current_thread() is not threading.main_thread():
        yield received
        return
    heard = [number for number in HELD if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    before = {number: signal.signal(number, receive) for number in heard}
    try:
        yield received
    finally:
        for number, handler in reversed(before.items()):  # the handler of Ctrl-C comes back last: it may raise at once
            signal.signal(number, handler)


def interrupt_by(number: int) -> NoReturn:
    """Interrupt the program by a signal that was held back. Its handler is called first, which may count signals.

    Raises:
        KeyboardInterrupt: always, by the handler or here.
    """
    handler = signal.getsignal(number)
    if callable(handler):
        handler(number, None)
    raise KeyboardInterrupt


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Finish the block, although a signal arrives.

    Raises:
        KeyboardInterrupt: at the end of the block, a signal arrived in it.
    """
    with held_back() as received:
        yield
    if received:
        interrupt_by(received[-1])


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Put the handlers of both signals back, which a library may set in the block. In another thread nothing can set them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in HELD}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None and signal.getsignal(number) != handler:  # None: it was not set by Python
                signal.signal(number, handler)
