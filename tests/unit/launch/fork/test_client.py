"""A fork server gives each run its own process, reports how it ended, and leaves no process or file."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

import trivial_runs
from llenergymeasure._files import process_is_alive
from llenergymeasure.exceptions import BackendError
from llenergymeasure.launch.fork.client import ForkServer
from llenergymeasure.launch.process import ended_with_block
from waiting import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks into /proc")
COMMAND = [sys.executable, trivial_runs.__file__]


@pytest.fixture(scope="module")
def server():
    server = ForkServer(COMMAND, os.environ)
    yield server
    server.close()


def test_an_interpreter_that_is_gone_is_named():
    with pytest.raises(BackendError, match=r"/gone/python cannot be started \(No such file or directory\)"):
        ForkServer(["/gone/python", "-m", "x"], os.environ)


@pytest.fixture
def another():
    """A server that a test may end."""
    server = ForkServer(COMMAND, os.environ)
    yield server
    server.close()


@pytest.fixture
def start(server, tmp_path):
    def start(what, name="run", server=server):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "what").write_text(what)
        return server.fork(folder, folder / "log")

    return start


@pytest.fixture
def said(tmp_path):
    def said(name="run"):
        log = tmp_path / name / "log"
        return log.read_text().split() if log.exists() else []

    return said


def test_a_run_has_its_own_process_group_and_only_its_own_files(start, said):
    process = start("tell")
    assert process.wait(20) == 0
    pid, group, parent, files = map(int, said())
    assert pid == group == process.pid
    assert parent not in (os.getpid(), pid)
    assert files == 3


def test_where_memory_runs_out_a_run_is_ended_before_the_study(start, said):
    start("tell_memory_score").wait(20)
    assert said() == ["500"]


def test_runs_have_processes_of_their_own(start, said):
    numbers = []
    for name in ("a", "b"):
        assert start("tell", name).wait(20) == 0
        numbers.append(said(name))
    assert numbers[0][0] != numbers[1][0]
    assert numbers[0][2:] == numbers[1][2:]


@pytest.mark.parametrize(
    ("what", "code"), [("end_with 3", 3), ("kill_itself", -signal.SIGKILL), ("crash", -signal.SIGSEGV)]
)
def test_it_receives_how_a_run_ended(start, what, code):
    assert start(what).wait(20) == code


def test_the_output_of_a_killed_run_is_kept(start, said):
    start("kill_itself").wait(20)
    assert said() == ["about", "to", "die"]


def test_a_wait_ends_when_its_time_is_over(start):
    process = start("ignore_signals")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.05)
    with ended_with_block(process, grace_s=0.1):
        pass


def test_a_run_that_ignores_signals_is_killed_after_its_grace(start, said):
    process = start("ignore_signals")
    assert until(lambda: said() == ["up"])
    with ended_with_block(process, grace_s=0.2):
        pass
    assert process.poll() == -signal.SIGKILL
    assert not process_is_alive(process.pid)


def test_processes_that_a_run_leaves_behind_are_ended(start, said):
    start("leave_a_process").wait(20)
    (left,) = map(int, said())
    assert until(lambda: not process_is_alive(left))


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_server_that_needs_longer_on_a_busy_machine_still_ends_a_run_that_ignores_signals(another, start, said):
    process = start("ignore_signals", server=another)
    assert until(lambda: said() == ["up"])
    late = parent_of(process.pid)
    os.kill(late, signal.SIGSTOP)

    def go_on():
        with suppress(ProcessLookupError):  # on a busy machine it was killed before
            os.kill(late, signal.SIGCONT)

    threading.Timer(1.5, go_on).start()
    another.close()
    assert until(lambda: not process_is_alive(process.pid))


def test_with_the_server_its_runs_end(another, start):
    process = start("ignore_signals", server=another)
    another.close()
    assert until(lambda: not process_is_alive(process.pid))


def test_with_the_server_everything_ends_that_a_run_has_started_through_a_guard(another, start, said):
    start("guard_a_process", server=another)
    assert until(lambda: len(said()) == 1)
    (guarded,) = map(int, said())
    another.close()
    assert until(lambda: not process_is_alive(guarded))


def test_a_server_that_ended_is_noticed_and_its_run_counts_as_killed(another, start, said):
    process = start("ignore_signals", server=another)
    assert until(lambda: said() == ["up"])
    os.kill(parent_of(process.pid), signal.SIGKILL)
    assert until(lambda: not another.is_alive)
    assert process.poll() == -signal.SIGKILL
    with ended_with_block(process, grace_s=0.1):
        pass
    assert until(lambda: not process_is_alive(process.pid))


def test_a_server_that_cannot_start_has_the_reason(tmp_path):
    server = ForkServer([sys.executable, "-c", "raise SystemExit('no torch here')"], os.environ)
    with pytest.raises(BackendError, match="ended: no torch here"):
        server.fork(tmp_path, tmp_path / "log")
    server.close()


def test_the_last_output_of_a_server_contains_no_secret(tmp_path):
    words = "cannot read https://user:pass123@example.org/model"
    server = ForkServer([sys.executable, "-c", f"raise SystemExit({words!r})"], os.environ)
    with pytest.raises(BackendError, match="ended: cannot read https://") as raised:
        server.fork(tmp_path, tmp_path / "log")
    server.close()
    assert "pass123" not in str(raised.value)


def test_a_server_that_still_imports_is_ended_at_once():
    start_s = time.monotonic()
    ForkServer([sys.executable, "-c", "import time; time.sleep(60)"], os.environ).close()
    assert time.monotonic() - start_s < 10


OWNER = """
import os, signal, sys, time
from pathlib import Path
from llenergymeasure.launch.fork.client import ForkServer

class Owned(ForkServer):
    stopped = False

    def receive(self, seconds):
        if self.stopped:  # the request was sent, and its answer is waited for
            print(self._process.pid, flush=True)
            time.sleep(60)
        super().receive(seconds)

server = Owned([sys.executable, sys.argv[1]], os.environ)
server.wait_until_ready()
os.kill(server._process.pid, signal.SIGSTOP)  # so that it finds the request and the end of its owner together
server.stopped = True
server.fork(Path(sys.argv[2]), Path(sys.argv[2] + ".log"))
"""


def test_a_request_that_was_sent_before_its_owner_was_killed_leaves_no_folder(tmp_path):
    folder = tmp_path / "late"
    folder.mkdir()
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", OWNER, trivial_runs.__file__, str(folder)]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as owner:
        server = int(owner.stdout.readline())
        owner.kill()
        owner.wait()
        os.kill(server, signal.SIGCONT)
        assert until(lambda: not folder.exists() and not process_is_alive(server))


def entries(folder):
    return len(list(Path(folder).iterdir()))


def own_files():
    gc.collect()  # what an earlier test left is closed now, and not in between
    return entries("/proc/self/fd")


def runs(server, tmp_path, count):
    """Several runs in turn, and the number of open files of this process afterwards."""
    folder = tmp_path / "many"
    folder.mkdir(exist_ok=True)
    (folder / "what").write_text("tell")
    for _ in range(count):
        assert server.fork(folder, folder / "log").wait(20) == 0
    (tmp_path / "many" / "log").unlink()
    return own_files()


def children_of(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


@pytest.mark.parametrize("count", [20, pytest.param(1000, marks=pytest.mark.slow)])
def test_runs_leave_no_process_no_zombie_and_no_open_file(server, start, said, tmp_path, count):
    start("tell").wait(20)
    number_of_server, files = int(said()[2]), own_files()
    theirs = entries(f"/proc/{number_of_server}/fd")
    assert runs(server, tmp_path, count) <= files
    assert children_of(number_of_server) == []
    assert until(lambda: entries(f"/proc/{number_of_server}/fd") <= theirs)
    assert entries(f"/proc/{number_of_server}/task") == 1
