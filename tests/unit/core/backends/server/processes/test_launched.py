"""A server that is started for an experiment, and its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import UserDict
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from llenergymeasure.core.backends.server.processes.guard import (
    KEPT_BYTES,
    NOT_STARTED,
    PERIOD_S,
    SLACK_BYTES,
)
from llenergymeasure.core.backends.server.processes.launched import LaunchedServer, ending_of, free_port
from llenergymeasure.core.backends.server.processes.tree import ServerProcesses
from llenergymeasure.testing.residue import children
from waiting import until

WAITS = "import time; print('waiting', flush=True); time.sleep(60)"
# A server that starts a process in a group of its own, which ignores SIGTERM, and then waits.
PARENT = """
import subprocess, sys, time
code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
time.sleep(60)
"""


def python(code):
    return [sys.executable, "-I", "-S", "-c", code]


@contextmanager
def launched(command):
    server = LaunchedServer(command, os.environ)
    try:
        yield server
    finally:
        server.end()


def runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wrote(server, text):
    return lambda: text in " ".join(server.last_lines())


def test_a_server_runs_until_it_is_ended():
    with launched(python(WAITS)) as server:
        assert until(wrote(server, "waiting"))
        (pid,) = ServerProcesses(lambda: [server.pid], also_roots=False).pids()
        assert (server.exit_code, server.why_ended()) == (None, None)
        server.end()
        assert not runs(pid)
        server.end()  # twice is once


def test_a_server_that_ends_by_itself_says_why():
    with launched(python("print('no model'); raise SystemExit(3)")) as server:
        assert until(lambda: server.exit_code is not None)
        assert server.why_ended() == "the server ended with exit code 3; its last lines:\n  no model"


def test_the_first_error_is_named_although_many_lines_follow():
    code = "print('ValueError: no space'); [print('line', n) for n in range(40)]; raise SystemExit(1)"
    with launched(python(code)) as server:
        assert until(lambda: server.exit_code is not None)
        assert server.why_ended().startswith(
            "the server ended with exit code 1; its first error: ValueError: no space; its last lines:\n  line 20\n"
        )


# It writes 32 MB, more than is kept.
CHATTY = """
import time
print("ValueError: no space")
for number in range(32768):
    print(f"line {number}", "x " * 512)
print("the end", flush=True)
time.sleep(60)
"""


def test_the_output_of_a_server_that_writes_much_is_kept_at_its_begin_and_its_end():
    with launched(python(CHATTY)) as server:
        assert until(wrote(server, "the end"))
        output = Path(f"/proc/{server.pid}/fd/1")
        assert output.stat().st_size > 32 * 2**20
        assert until(lambda: output.stat().st_blocks * 512 < 2 * KEPT_BYTES + SLACK_BYTES + 2**16)
        said = server.written()
    assert said == server.written()  # also after its end
    assert said.startswith("its first error: ValueError: no space; its last lines:\n  ")
    assert said.endswith("\n  the end")


def test_a_key_in_the_begin_of_a_long_output_is_not_shown():
    code = "print('ValueError: key correcthorse'); [print('x' * 1000) for _ in range(2000)]; print('the end')"
    server = LaunchedServer(python(code), os.environ, ["correcthorse"])
    try:
        assert until(lambda: server.exit_code is not None)
        assert "its first error: ValueError: key ***; " in server.why_ended()
    finally:
        server.end()


def test_a_server_that_is_killed_has_the_signal_by_its_name():
    with launched(python("import os; os.kill(os.getpid(), 9)")) as server:
        assert until(lambda: server.exit_code is not None)
        assert server.why_ended() == "the server was killed by signal 9 (SIGKILL); it wrote nothing"


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        (137, "was killed by signal 9 (SIGKILL)"),
        (-9, "was killed by signal 9 (SIGKILL)"),
        (255, "ended with exit code 255"),
        (1, "ended with exit code 1"),
        (0, "ended with exit code 0"),
    ],
)
def test_an_exit_code_that_is_a_signal_is_named(code, ending):
    assert ending_of(code) == f"the server {ending}"


def test_a_program_that_does_not_exist_is_named():
    with launched(["no-such-program", "--port", "1"]) as server:
        assert until(lambda: server.exit_code is not None)
        assert server.exit_code == NOT_STARTED
        assert server.last_lines() == ("no-such-program cannot be started (No such file or directory)",)


@pytest.mark.slow  # it waits for the end of the grace period
def test_processes_that_left_the_group_and_ignore_sigterm_end_too():
    with launched(python(PARENT)) as server:
        assert until(wrote(server, "deaf"))
        pids = ServerProcesses(lambda: [server.pid], also_roots=False).pids()
        assert len(pids) == 2
    assert not any(map(runs, pids))


# A server that goes into the background: the process that was started ends, and another one would answer.
DAEMON = """
import os, time
if os.fork():
    print("in the background", flush=True)
else:
    os.setsid()
    time.sleep(60)
"""


def test_a_server_that_goes_into_the_background_is_ended_at_once_and_says_why():
    begin_s = time.monotonic()
    with launched(python(DAEMON)) as server:
        assert until(lambda: server.exit_code is not None)
        assert "a command that runs as long as the server" in server.why_ended()
    assert time.monotonic() - begin_s < 30  # it would last 60 s


OWNER = """
import os, sys, time
from llenergymeasure.core.backends.server.processes.launched import LaunchedServer
server = LaunchedServer([sys.executable, "-I", "-S", "-c", "import time; print('waiting', flush=True); time.sleep(60)"], os.environ)
while not server.last_lines():
    time.sleep(0.01)
print(server.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_server_ends_when_the_process_that_started_it_is_killed(number):
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        guard = int(owner.stdout.readline())
        pids = [guard, *ServerProcesses(lambda: [guard], also_roots=False).pids()]
        assert len(pids) == 2
        owner.send_signal(number)
    assert until(lambda: not any(map(runs, pids)))


def test_a_server_ends_when_its_guard_is_killed_and_it_is_ended():
    with launched(python(WAITS)) as server:
        assert until(wrote(server, "waiting"))
        pids = ServerProcesses(lambda: [server.pid], also_roots=False).pids()
        with suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGKILL)
    assert until(lambda: not any(map(runs, pids)))


@pytest.mark.slow
def test_a_server_goes_on_after_its_guard_was_stopped():
    """A wait for a signal that is interrupted near its end returns a signal in Python that was never sent."""
    with launched(python(WAITS)) as server:
        assert until(wrote(server, "waiting"))
        os.kill(server.pid, signal.SIGSTOP)
        time.sleep(2.5 * PERIOD_S)
        os.kill(server.pid, signal.SIGCONT)
        assert not until(lambda: server.exit_code is not None, seconds=1.0)


def test_ctrl_c_in_a_terminal_does_not_reach_the_server():
    with launched(python(WAITS)) as server:
        assert until(wrote(server, "waiting"))
        assert os.getpgid(server.pid) != os.getpgrp()


def test_a_free_port_can_be_used_and_is_none_that_the_system_gives_to_others():
    port = free_port()
    assert 24_000 < port < 32_768
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", port))


def test_the_key_is_not_in_what_the_server_wrote():
    server = LaunchedServer(python("print('ValueError: key correcthorse')"), os.environ, ["correcthorse"])
    try:
        assert until(lambda: server.exit_code is not None)
        assert server.last_lines() == ("ValueError: key ***",)
        assert "correcthorse" not in server.why_ended()
    finally:
        server.end()
    assert server.last_lines() == ("ValueError: key ***",)


class Interrupts(UserDict):
    """An environment; SIGINT arrives while it is read."""

    def keys(self):
        signal.raise_signal(signal.SIGINT)
        return super().keys()


def test_an_interrupt_during_the_start_leaves_no_server():
    before = set(children())
    with pytest.raises(KeyboardInterrupt):
        LaunchedServer(python(WAITS), Interrupts(os.environ))
    assert set(children()) <= before  # a process of an earlier test may end meanwhile
