"""Experiments in fresh processes: results, and every way in which a process can fail, as data."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

import fake_runs
from llenergymeasure import ExperimentConfig
from llenergymeasure._files import launch_prefix, process_is_alive
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.exceptions import BackendError, ConfigError, ExperimentError, PreFlightError
from llenergymeasure.launch.fresh import FreshProcesses
from llenergymeasure.orchestration.orchestrator import Session
from waiting import until

ENVIRON = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def program(backend):
    return [fake_runs.__file__, backend]


@pytest.fixture(scope="module")
def session():
    return Session(environ=ENVIRON, user_config=UserConfig())


@pytest.fixture(scope="module")
def fresh(session):
    with FreshProcesses(session, program=program) as fresh:
        yield fresh


def an_experiment(what):
    return ExperimentConfig(model=f"builtin/{what}")


def failure_of(fresh, what, **options):
    with pytest.raises(ExperimentError) as caught:
        fresh.measure(an_experiment(what), **options)
    return caught.value


def server_in(log):
    """The server that forked a run, as its log says."""
    return int(log.read_text().split()[-1])


def temporary_folders():
    """Those of this process: others may run tests too."""
    return set(Path(tempfile.gettempdir()).glob(f"{launch_prefix()}*"))


def test_a_result_comes_back_with_its_time_series(fresh):
    result = fresh.measure(an_experiment("succeed"))
    assert result.energy.energy_j == 200.0
    assert result.timeseries.power_w == (100.0, 100.0)
    assert result.timeseries_file is None


def test_idle_power_that_a_process_measured_is_known_to_the_next(fresh, session):
    fresh.measure(an_experiment("succeed"))
    count = len(list(session.baselines.known(session.clock.now())))
    fresh.measure(an_experiment("succeed"))
    known = session.baselines.get(("fake", str(count)), session.clock.now())
    assert (known.power_w, known.provenance) == (40.0, "cached")
    assert 5.0 <= known.age_sec < 600.0


def test_idle_power_of_a_run_that_failed_is_kept(fresh, session):
    failure_of(fresh, "run_out_of_memory")
    assert session.baselines.get(("fake", "failed"), session.clock.now()).power_w == 40.0


@pytest.mark.parametrize(
    ("what", "kinds"),
    [
        ("run_out_of_memory", ["out_of_memory"]),
        ("be_killed", ["killed", "out_of_memory"]),  # the latter where the system has ended any process in the meantime
        ("crash", ["crash"]),
    ],
)
def test_a_failure_has_its_kind_and_the_last_lines_as_data(fresh, what, kinds):
    error = failure_of(fresh, what)
    assert error.failure_kind in kinds
    assert error.output[0] == f"working on builtin/{what}"


def test_a_run_over_its_time_is_ended(fresh):
    start_s = time.monotonic()
    error = failure_of(fresh, "take_long", timeout_s=10.0)  # within which it has written its first line
    assert (error.failure_kind, error.output) == ("timeout", ("working on builtin/take_long",))
    assert "did not end within its time limit of 10 s" in str(error)
    assert time.monotonic() - start_s < 50  # it would last 60 s


@pytest.mark.slow
def test_a_run_without_a_heartbeat_is_ended(fresh):
    assert failure_of(fresh, "hang").failure_kind == "hung"


def test_the_log_of_a_run_remains_at_the_requested_path(fresh, tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("of an earlier attempt")
    fresh.measure(an_experiment("succeed"), log=log)
    assert log.read_text().startswith("working on builtin/succeed\n")


def test_a_log_that_cannot_be_written_is_an_error_of_the_caller(fresh, tmp_path):
    with pytest.raises(ConfigError, match="cannot be written"):
        fresh.measure(an_experiment("succeed"), log=tmp_path / "nowhere" / "log.txt")


def test_runs_leave_no_folder(fresh):
    before = temporary_folders()
    fresh.measure(an_experiment("succeed"))
    failure_of(fresh, "be_killed")
    assert temporary_folders() <= before


def what_is_open():
    """Open files, threads and children of this process, and temporary files of any kind."""
    own = Path("/proc/self")
    children = (own / "task" / str(os.getpid()) / "children").read_text().split()
    counts = [len(list((own / name).iterdir())) for name in ("fd", "task")]
    return *counts, len(children), {path for path in Path(tempfile.gettempdir()).iterdir() if "llem" in path.name}


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks into /proc")
@pytest.mark.parametrize("count", [5, pytest.param(200, marks=pytest.mark.slow)])
def test_runs_of_every_ending_leave_no_file_thread_process_or_folder(fresh, monkeypatch, tmp_path, count):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fresh.measure(an_experiment("succeed"))
    before = what_is_open()
    for number in range(count):
        if number % 3:
            fresh.measure(an_experiment("succeed"))
        else:
            failure_of(fresh, ("be_killed", "crash", "run_out_of_memory")[number // 3 % 3])
    assert all(now <= then for now, then in zip(what_is_open(), before, strict=True))


def test_an_interrupt_ends_the_run_and_the_server(session, tmp_path):
    log = tmp_path / "log.txt"

    def interrupt():
        if until(lambda: log.read_text().startswith("working on"), 120):
            os.kill(os.getpid(), signal.SIGINT)

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with pytest.raises(KeyboardInterrupt), FreshProcesses(session, program=program) as fresh:
        fresh.measure(an_experiment("take_long"), log=log)
    interrupting.join()


def test_after_the_end_of_a_server_another_takes_over(session, tmp_path):
    log = tmp_path / "log.txt"
    with FreshProcesses(session, program=program) as fresh:
        fresh.measure(an_experiment("succeed"), log=log)
        first = server_in(log)
        os.kill(first, signal.SIGKILL)
        assert until(lambda: not process_is_alive(first))
        fresh.measure(an_experiment("succeed"), log=log)
        assert server_in(log) != first


def test_a_server_that_cannot_import_its_library_reports_it(session):
    broken = ["-c", "raise SystemExit('no torch here')"]
    with (
        FreshProcesses(session, program=lambda backend: broken) as fresh,
        pytest.raises(BackendError, match="no torch here"),
    ):
        fresh.measure(an_experiment("succeed"))


def test_a_process_of_a_launcher_cannot_start_fresh_ones():
    environ = {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}
    with pytest.raises(PreFlightError, match="rank 1 of 2"):
        FreshProcesses(Session(environ=environ, user_config=UserConfig()))


OWNER = """
import sys
from pathlib import Path
import test_fresh
from llenergymeasure.launch.fresh import FreshProcesses
with FreshProcesses(test_fresh.Session(user_config=test_fresh.UserConfig()), program=test_fresh.program) as fresh:
    fresh.measure(test_fresh.an_experiment("succeed"), log=Path(sys.argv[1]))
    print(test_fresh.server_in(Path(sys.argv[1])), flush=True)
    fresh.measure(test_fresh.an_experiment("take_long"))
"""


def beats(folder):
    return [int(path.read_text() or 0) for path in folder.glob("llem-launch-*/rank-00000.alive")]


def test_when_the_owner_is_killed_server_run_and_folder_end_soon(tmp_path):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    environ = {**ENVIRON, "TMPDIR": str(temporary), "PYTHONPATH": f"{Path(__file__).parent}:{ENVIRON['PYTHONPATH']}"}
    command = [sys.executable, "-c", OWNER, str(tmp_path / "log.txt")]
    owner = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
    with owner:
        server = int(owner.stdout.readline())
        assert until(lambda: bool(beats(temporary)), 120)
        (run,) = beats(temporary)
        owner.kill()
        owner.wait()
        # The run would last 60 s. They take a tenth of a second on a quiet machine.
        assert until(lambda: not any(map(process_is_alive, (server, run))) and not any(temporary.iterdir()), seconds=15)
