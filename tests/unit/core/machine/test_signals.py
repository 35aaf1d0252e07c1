"""A signal waits until what must not be interrupted is done, and is not lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from llenergymeasure.core.machine.signals import handlers_kept, held_back, uninterrupted


def interrupt(number=signal.SIGINT):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_block_is_finished_before_the_interrupt(number):
    done, before = [], signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        for _ in range(3):
            interrupt(number)
        done.append("all")
    assert done == ["all"]
    assert signal.getsignal(number) is before


def test_without_a_signal_nothing_happens():
    with uninterrupted():
        pass


def test_an_error_in_the_block_is_not_hidden_by_an_interrupt():
    def block():
        with uninterrupted():
            interrupt()
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        block()


def test_each_signal_is_listed_and_passed_on():
    seen = []
    with held_back(seen.append) as interrupts:
        interrupt()
        interrupt(signal.SIGTERM)
    assert seen == [signal.SIGINT, signal.SIGTERM]
    assert [type(each) for each in interrupts] == [KeyboardInterrupt, KeyboardInterrupt]


def test_another_thread_which_signals_do_not_reach_changes_no_handler():
    handlers = []

    def work():
        with uninterrupted():
            handlers.append(signal.getsignal(signal.SIGINT))

    before, thread = signal.getsignal(signal.SIGINT), threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [before]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_the_program_ignores_is_no_interrupt(number):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with uninterrupted():
            signal.raise_signal(number)
        assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_handler_that_a_library_sets_is_put_back(number):
    before = signal.getsignal(number)
    with handlers_kept():
        signal.signal(number, lambda *_: None)
        assert signal.getsignal(number) is not before
    assert signal.getsignal(number) is before


@contextmanager
def handled(number, handler):
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def test_a_signal_whose_handler_raises_nothing_is_no_interrupt():
    called = []
    with handled(signal.SIGTERM, lambda number, frame: called.append((number, frame.f_code.co_name))), uninterrupted():
        interrupt(signal.SIGTERM)
    assert called == [(signal.SIGTERM, "interrupt")]


def test_what_the_handler_raises_is_raised_after_the_block():
    done = []
    with handled(signal.SIGTERM, lambda *_: sys.exit(7)), pytest.raises(SystemExit, match="7"), uninterrupted():
        interrupt(signal.SIGTERM)
        done.append("all")
    assert done == ["all"]


def test_a_signal_in_a_block_within_another_is_raised_after_the_outer_one():
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        with uninterrupted():
            interrupt()
        done.append("all")
    assert done == ["all"]


RACE = """
import os, signal, subprocess, sys, time
from llenergymeasure.core.machine.signals import held_back

SEND = '''
import os, signal, sys
try:
    while True:
        os.kill(int(sys.argv[1]), signal.SIGINT)
except ProcessLookupError:
    pass
'''
is_on, is_sent, interrupts, lost = False, False, 0, 0

def interrupted(number, frame):
    global interrupts, is_sent
    is_sent = True
    if is_on:
        interrupts += 1
        raise KeyboardInterrupt

def terminated(number, frame):
    pass

signal.signal(signal.SIGTERM, terminated)
signal.signal(signal.SIGINT, interrupted)
sender = subprocess.Popen([sys.executable, "-S", "-c", SEND, str(os.getpid())])
while not is_sent and sender.poll() is None:
    time.sleep(0.001)
end_s = time.monotonic() + 3
while time.monotonic() < end_s:
    try:
        is_on = True
        with held_back():
            pass
        is_on = False
    except KeyboardInterrupt:
        is_on = False
    lost += signal.getsignal(signal.SIGTERM) is not terminated
sender.kill()
sender.wait()
print(interrupts > 0, lost)
"""


@pytest.mark.slow
def test_all_handlers_are_put_back_although_one_of_them_raises_meanwhile():
    done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True 0\n", "")
