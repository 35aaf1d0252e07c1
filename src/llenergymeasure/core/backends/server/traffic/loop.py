"""An event loop in a thread of its own: requests are sent and answers are received while the main thread reads meters."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import wait
from typing import Any, Protocol, TypeVar

from llenergymeasure.core.machine.signals import uninterrupted

T = TypeVar("T")
# Python runs the handlers of signals in the main thread only, which must not wait for longer without returning to Python.
_STEP_S = 0.5
_TRIES = 5


class Loop(Protocol):
    """Runs coroutines, one at a time for each caller."""

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine until it returns; tasks that it has begun go on afterwards."""

    def close(self) -> None:
        """Cancel everything, and end. Safe to call twice."""


class LoopThread:
    """An event loop in a thread, which begins with the first call."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a coroutine in the thread until it returns.

        Raises:
            KeyboardInterrupt: an interrupt arrived; the coroutine is cancelled.
        """
        loop, future = self._started(), None
        try:
            with uninterrupted():  # Python reports a coroutine that was created and never started
                future = asyncio.run_coroutine_threadsafe(work(), loop)
            while not wait([future], timeout=_STEP_S).done:
                pass
        except BaseException:  # also an interrupt: nothing else would end the coroutine
            if future is not None:
                future.cancel()
            raise
        return future.result()

    def close(self) -> None:
        with uninterrupted():
            loop, self._loop = self._loop, None
            thread, self._thread = self._thread, None
            if loop is not None and thread is not None:
                loop.call_soon_threadsafe(loop.stop)
                thread.join(2 * _TRIES * _STEP_S)

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            with uninterrupted():
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=_run, args=(self._loop,), name="llem-traffic", daemon=True)
                self._thread.start()
        return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    """Run the loop until it is stopped; then cancel what still runs in it."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        _cancel_tasks(loop)
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


def _cancel_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel every task, several times: a task may go on with something else when it was cancelled once."""
    for _ in range(_TRIES):
        left = asyncio.all_tasks(loop)
        if not left:
            return
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.wait(left, timeout=_STEP_S))
