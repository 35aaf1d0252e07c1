"""Holds SIGINT and SIGTERM back while something must not be interrupted, and keeps their handlers where a library sets its own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

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
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Finish the block, although a signal arrives.

    Raises:
        KeyboardInterrupt: at the end of the block, a signal arrived in it.
    """
    with held_back() as received:
        yield
    if received:
        raise KeyboardInterrupt


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
