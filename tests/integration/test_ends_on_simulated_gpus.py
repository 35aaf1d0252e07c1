"""Whole measurements in processes of their own with simulated GPUs in real time: how they end, and what they leave.

The built-in model runs on the CPU while a GPU draws 300 W beside it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pynvml
import pytest

from llenergymeasure import ExperimentResult
from nvmlsim import Constant, Fault, Stall, sim_gpu
from waiting import tried, until

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

TESTS = Path(__file__).resolve().parents[1]
MIDDLE_S = 102.0  # the step begins at 100 s of scenario time, the window two ticks later
MANY = 32  # prompts, more than are answered before a signal arrives that is sent late
LOST = pynvml.NVML_ERROR_GPU_IS_LOST


class Run:
    """A measurement in a session of its own, so that whatever it starts can be found."""

    def __init__(self, simulation, place, meter="nvml", faults=(), n=16):
        self.sim = simulation(sim_gpu("ampere", idle=[Constant(300.0)]), faults=faults, real=True)
        self._file = place / "result.json"
        environ = {
            **os.environ,
            **self.sim.environ,
            "PYTHONPATH": os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "HOME": str(place),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": "1",  # several run side by side
        }
        self.process = subprocess.Popen(
            [sys.executable, str(TESTS / "measure_simulated.py"), meter, str(self._file), str(n)], env=environ,
            cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    def until(self, step):
        """Wait for a step to begin."""
        while not (line := self.process.stdout.readline()).startswith(step):
            assert line, self.process.stderr.read()
        time.sleep(0.3)

    def ended(self):
        """Exit code, output and errors; nothing of its session is alive then."""
        out, err = self.process.communicate(timeout=300)
        assert until(lambda: alive_in_session(self.process.pid) == [])
        return self.process.returncode, out, err

    def result(self):
        return ExperimentResult.from_json(self._file)


def alive_in_session(session):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.fixture
def run(simulation, tmp_path):
    """Starts a measurement; nothing of it is alive after the test."""
    started = []

    def start(meter="nvml", **options):
        started.append(Run(simulation, tmp_path, meter, **options))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()


def test_a_gpu_of_300_w_is_measured_to_the_stated_uncertainty(run):
    def result():
        well = run()
        code, out, err = well.ended()
        assert (code, out.splitlines()[-1:]) == (0, ["threads"]), err
        return well.result()

    def is_of_300_w(result):
        joules = result.energy_total_j == pytest.approx(300 * result.duration_sec, rel=0.02)
        return joules and result.energy.method == "counter" and result.baseline.power_w == pytest.approx(300.0, rel=0.1)

    assert tried(result, is_of_300_w, lambda late_s: max(late_s) > 0.05).output_tokens == 640


@pytest.mark.slow
def test_a_gpu_that_is_lost_in_the_window_gives_a_result_with_a_reason(run):
    lost = run(faults=[Fault("*", LOST, from_s=MIDDLE_S)])
    code, _, err = lost.ended()
    assert code == 0, err
    result = lost.result()
    assert result.energy_total_j is None
    assert "GPU is lost" in result.energy.reason
    assert "until then it used" in result.energy.reason
    assert (result.output_tokens, result.cpu_seconds > 0) == (640, True)


@pytest.mark.slow
def test_a_poller_that_hangs_delays_neither_the_result_nor_the_end(run):
    hanging = run(faults=[Stall("nvmlDeviceGetFieldValues", 600.0, from_s=MIDDLE_S)])
    code, _, err = hanging.ended()
    assert code == 0, err
    result = hanging.result()
    if result.energy_total_j is None:
        assert result.energy.reason
    else:
        assert result.energy_total_j == pytest.approx(300 * result.duration_sec, rel=0.1)
    assert result.energy.crosscheck_j is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("meter", "step", "number"),
    [
        ("zeus", "meter", signal.SIGKILL),
        ("zeus", "measuring", signal.SIGTERM),
        ("nvml", "measuring", signal.SIGKILL),
        ("nvml", "idle baseline", signal.SIGTERM),
    ],
)
def test_a_signal_at_any_step_leaves_no_process_behind(run, tmp_path, meter, step, number):
    if meter == "zeus":
        pytest.importorskip("zeus")
    begun = run(meter, n=MANY)
    begun.until(step)
    assert until(lambda: alive_in_session(begun.process.pid) == [begun.process.pid])
    begun.process.send_signal(number)
    code, _, err = begun.ended()
    if number == signal.SIGKILL:
        assert code == -signal.SIGKILL
    else:
        assert (code, err.splitlines()[-1][:12]) == (130, "interrupted:")
    assert list(tmp_path.glob("*.json")) == []
