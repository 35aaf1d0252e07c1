"""A child process is waited for, interrupted and ended together with all processes that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from llenergymeasure._files import process_is_alive
from llenergymeasure.core.machine.last_lines import last_lines
from llenergymeasure.exceptions import BackendError
from llenergymeasure.launch.process import ended_with_block, started
from waiting import until

STUBBORN = """
import signal, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""
# Starts a stubborn process, perhaps in a group of its own, tells its number, and ends or waits.
PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {STUBBORN!r}], start_new_session="away" in sys.argv)
print(child.pid, flush=True)
time.sleep(0.5 if "ends" in sys.argv else 60)
"""


def python(code, *arguments):
    return [sys.executable, "-c", code, *arguments]


def test_a_program_that_is_gone_is_named(tmp_path):
    with (
        pytest.raises(BackendError, match=r"/gone/python cannot be started \(No such file or directory\)"),
        started(["/gone/python", "-m", "x"], os.environ, tmp_path / "log"),
    ):
        pass


def said(log):
    return log.read_text().split() if log.exists() else []


def is_gone(pid):
    """Whether a process has ended; a zombie process counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return not process_is_alive(pid)


def run(command, log, until=lambda: False, **options):
    """A child to its end, or until it may be ended; its exit code and what it wrote."""
    with started(command, os.environ, log, **options) as child:
        child.wait(until)
        code = child.exit_code
    return code, [word for line in last_lines(log) for word in line.split()]


def test_the_exit_code_and_the_last_lines_are_returned(tmp_path):
    assert run(python("print('last words'); raise SystemExit(3)"), tmp_path / "log") == (3, ["last", "words"])


def test_of_a_crash_the_lines_before_it_its_reason_and_the_innermost_calls_are_returned(tmp_path):
    code = "import faulthandler, os, signal; faulthandler.enable(); print('loading', flush=True)\n"
    code += "def deep(n):\n if n: deep(n - 1)\n else: os.kill(os.getpid(), signal.SIGSEGV)\ndeep(40)"
    with started(python(code), os.environ, tmp_path / "log") as child:
        child.wait()
    lines = last_lines(tmp_path / "log")
    assert lines[:2] == ("loading", "Fatal Python error: Segmentation fault")
    assert len(lines) == 20
    assert "in deep" in lines[3]


def test_a_child_that_a_signal_killed_ends_as_the_shell_counts(tmp_path):
    code, _ = run(python("import os; os.kill(os.getpid(), 9)"), tmp_path / "log")
    assert code == 128 + signal.SIGKILL


def test_processes_that_the_child_started_end_with_it(tmp_path):
    code, words = run(python(PARENT, "ends"), tmp_path / "log", grace_s=0.2)
    assert code == 0
    (pid,) = (int(word) for word in words if word.isdecimal())  # its child may have written before it
    assert until(lambda: is_gone(pid))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_passed_on_and_a_child_that_ignores_it_is_killed_after_its_grace(tmp_path, number):
    log = tmp_path / "log"
    before = signal.getsignal(number)

    def interrupt():
        if until(lambda: "up" in said(log) and signal.getsignal(number) != before):
            os.kill(os.getpid(), number)

    threading.Thread(target=interrupt).start()
    start_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(python(STUBBORN), log, grace_s=0.3)
    assert time.monotonic() - start_s < 30  # it would last 60 s


class InterruptedWait(subprocess.Popen):
    """SIGINT arrives in this process whenever it waits for the end of the child."""

    def wait(self, timeout=None):
        signal.raise_signal(signal.SIGINT)
        return super().wait(timeout)


def test_an_interrupt_while_the_child_is_ended_is_not_lost_and_ends_nothing_half(tmp_path):
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = InterruptedWait(python(STUBBORN), stdout=output, start_new_session=True)
    with pytest.raises(KeyboardInterrupt), ended_with_block(process, grace_s=0.2) as child:
        assert until(lambda: "up" in said(log))
    assert child.exit_code == 128 + signal.SIGKILL


def test_a_failure_between_two_waits_ends_the_child(tmp_path):
    log = tmp_path / "log"
    with pytest.raises(ZeroDivisionError), started(python(STUBBORN), os.environ, log, grace_s=0.2) as child:
        child.wait(lambda: "up" in said(log))
        raise ZeroDivisionError
    assert child.exit_code == 128 + signal.SIGKILL


def test_handlers_are_given_back(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    run(python(""), tmp_path / "log")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_wait_ends_when_its_time_is_over(tmp_path):
    with started(python(STUBBORN), os.environ, tmp_path / "log", grace_s=0.2) as child:
        child.wait(at_most_s=0.1)
        assert child.exit_code is None


def test_processes_that_left_the_group_are_ended_too(tmp_path):
    log = tmp_path / "log"

    def strays():
        return [int(word) for word in said(log) if word.isdecimal()]

    run(python(PARENT, "away"), log, lambda: "up" in said(log) and bool(strays()), others=strays, grace_s=0.2)
    (stray,) = strays()
    assert until(lambda: is_gone(stray))
