"""An event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import signal
import threading

import pytest

from llenergymeasure.core.backends.server.traffic.loop import LoopThread
from llenergymeasure.testing.residue import left_threads


@pytest.fixture
def loop():
    before = set(threading.enumerate())
    loop = LoopThread()
    yield loop
    loop.close()
    assert left_threads(before) == set()


async def this_thread():
    return threading.current_thread()


def test_a_coroutine_runs_in_a_thread_of_its_own_always_the_same(loop):
    threads = {loop.call(this_thread), loop.call(this_thread)}
    assert len(threads) == 1
    assert threading.main_thread() not in threads


def test_there_is_no_thread_before_the_first_call():
    before = set(threading.enumerate())
    loop = LoopThread()
    assert set(threading.enumerate()) <= before
    loop.close()


def test_an_error_is_raised_in_the_caller(loop):
    async def fails():
        raise TimeoutError("of the work, not of the wait")

    with pytest.raises(TimeoutError, match="of the work"):
        loop.call(fails)


def test_tasks_go_on_between_calls_and_are_cancelled_at_the_end(loop):
    went_on, cancelled = threading.Event(), threading.Event()

    async def long():
        try:
            await asyncio.sleep(0)
            went_on.set()
            await asyncio.sleep(3600)
        finally:
            cancelled.set()

    async def begin():
        begin.task = asyncio.ensure_future(long())

    loop.call(begin)
    assert went_on.wait(10)
    assert not cancelled.is_set()
    loop.close()
    assert cancelled.is_set()


def test_a_task_that_goes_on_after_it_was_cancelled_ends_too():
    before, loop = set(threading.enumerate()), LoopThread()

    async def stubborn():
        for _ in range(3):
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue

    async def begin():
        begin.task = asyncio.ensure_future(stubborn())
        await asyncio.sleep(0)

    loop.call(begin)
    loop.close()
    assert set(threading.enumerate()) <= before
    assert begin.task.done()


def test_close_is_safe_twice_and_before_a_call():
    loop = LoopThread()
    loop.close()
    loop.call(this_thread)
    loop.close()
    loop.close()


def test_an_interrupt_ends_the_wait_and_cancels_the_work(loop):
    ended = threading.Event()

    async def interrupted():
        try:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(3600)
        finally:
            ended.set()

    with pytest.raises(KeyboardInterrupt):
        loop.call(interrupted)
    assert ended.wait(10)


def test_an_interrupt_while_the_work_begins_cancels_it_too(loop):
    began, ended = threading.Event(), threading.Event()

    async def work():
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    def interrupted():
        signal.raise_signal(signal.SIGINT)
        return work()

    with pytest.raises(KeyboardInterrupt):
        loop.call(interrupted)
    assert ended.wait(10) or not began.is_set()
