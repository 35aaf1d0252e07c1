"""Holds SIGINT and SIGTERM back while something must not be interrupted, and keeps their handlers where a library sets its own."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

HELD = (signal.SIGINT, signal.SIGTERM)


class _Blocks(threading.local):
    """How many blocks that must not be interrupted a thread is in: one may be within another."""

    open = 0


_BLOCKS = _Blocks()


def is_in_uninterrupted_block() -> bool:
    """Whether this thread is in a block that must not be interrupted."""
    return _BLOCKS.open > 0


def _nothing(_number: int) -> None:
    """Do nothing."""


@contextmanager
def held_back(on_interrupt: Callable[[int], object] = _nothing) -> Iterator[list[BaseException]]:
    """Hold both signals back inside the block. Yields the list of interrupts.

    An interrupt is what the handler of a signal raises, which is called when the signal arrives; of a signal that would end
    the program it is a KeyboardInterrupt. A signal whose handler raises nothing, such as the repeat of a key that is held
    down, is no interrupt. Python allows this in the main thread only; in another thread, which signals do not interrupt, the
    list stays empty. A signal that the program ignores stays ignored, such as SIGINT in a job that a script starts with `&`.

    Args:
        on_interrupt: called with the number of the signal of each interrupt.
    """
    interrupts: list[BaseException] = []

    def receive(number: int, frame: FrameType | None) -> None:
        handler = before[number]
        try:
            if callable(handler):
                handler(number, frame)
                return
            interrupts.append(KeyboardInterrupt())
        except BaseException as interrupt:
            interrupts.append(interrupt)
        on_interrupt(number)

    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in HELD}
    before = {number: each for number, each in handlers.items() if each not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, receive)
        yield interrupts
    finally:
        _put_back(list(before.items()))


def _put_back(handlers: list[tuple[int, Any]]) -> None:
    """Put all handlers back, also when one of them is called as soon as it is back, and raises."""
    if handlers:
        try:
            signal.signal(*handlers.pop())
        finally:
            _put_back(handlers)


@contextmanager
def uninterrupted(on_interrupt: Callable[[int], object] = _nothing) -> Iterator[None]:
    """Finish the block, although a signal arrives.

    Args:
        on_interrupt: called with the number of the signal of each interrupt.

    Raises:
        BaseException: at the end of the block, what the handler of a signal raised in it: usually KeyboardInterrupt.
    """
    with held_back(on_interrupt) as interrupts:
        _BLOCKS.open += 1
        try:
            yield
        finally:
            _BLOCKS.open -= 1
    if interrupts:
        raise interrupts[0]


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
