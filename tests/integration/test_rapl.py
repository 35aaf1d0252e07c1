"""The RAPL meter in whole experiments on the CPU, with energy counters that another process writes in real time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llenergymeasure import _plugin_api
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.exceptions import PreFlightError
from waiting import tried

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
# A package of 20 W and its memory of 5 W.
WATTS = 25.0
WRITER = """
import sys, time
from pathlib import Path
from powercapsim import SimPowercap, package, part

tree = SimPowercap(Path(sys.argv[1]), [package(), part("core"), part("dram", number=1, phase_s=0.0004)], time.perf_counter())
print("ready", flush=True)
while True:
    tree.update(time.perf_counter())
    time.sleep(0.0002)
"""


@pytest.fixture(scope="module")
def a_session(tmp_path_factory):
    """Makes sessions on a machine whose counters advance."""
    root = tmp_path_factory.mktemp("sys") / "powercap"
    path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout.readline() == "ready\n"
    yield lambda: _plugin_api.Session(user_config=UserConfig(), powercap=root)
    writer.kill()
    writer.wait()
    writer.stdout.close()


@pytest.fixture(scope="module")
def result(a_session):
    """A result. It is measured again, idle power included, where the process that writes the counters was stalled."""
    return tried(lambda: measured(a_session()), is_as_the_counters_say, was_stalled)


def is_as_the_counters_say(found):
    return (
        found.energy_total_j == true_j(found.duration_sec)
        and found.baseline_power_w == true_j(1.0)
        and found.energy_uncertainty_j == mostly_gain_j(found.energy_total_j)
        and (found.energy.n_readings or 0) > 300
    )


def was_stalled(late_s):
    return max(late_s) > 0.05  # a counter that stands still for so long counts as a coarse one


def true_j(seconds):
    return pytest.approx(WATTS * seconds, rel=0.02)


def mostly_gain_j(joules):
    return pytest.approx(0.05 * joules, rel=0.2)


def measured(session):
    config = ExperimentConfig(
        model="builtin/tiny-llama", n=20, max_output_tokens=16, pytorch={"device": "cpu"}, precision="fp32",
        dataset={"n": 20, "input_len": 16, "output_len": 16}, min_duration_seconds=3.0,
        baseline={"duration_seconds": 2.0}, warmup={"n_warmup": 1, "thermal_floor_seconds": 0},
    )  # fmt: skip
    with _plugin_api.open_experiment(config, session=session) as opened:
        return opened.measure()


def test_auto_measures_a_cpu_with_its_counters(result):
    assert result.meter.name == "rapl"
    assert result.meter.probes["rapl"] == "available"
    assert "codecarbon" not in result.meter.probes
    assert result.energy_method == "counter"


def test_the_joules_are_those_of_package_and_memory(result):
    assert result.energy_total_j == true_j(result.duration_sec)
    assert set(result.energy_per_device_j) == {"package-0", "package-0/dram"}
    assert [domain.name for domain in result.energy.domains if not domain.included] == ["package-0/core"]
    assert result.energy_uncertainty_j == mostly_gain_j(result.energy_total_j)
    assert result.energy.n_readings > 300


def test_the_idle_baseline_is_of_the_same_counters(result):
    assert result.baseline_power_w == true_j(1.0)
    assert abs(result.energy_adjusted_j) < 0.04 * result.energy_total_j


def test_the_result_states_what_the_joules_include(result):
    assert "It includes what other processes used" in result.reproducibility_notes
    assert result.host_energy_j is None
    assert "does not measure GPUs alone" in result.reasons["host_energy_j"]
    assert "rapl (counter)" in result.summary()
    assert "package-0/core" in result.summary()
    assert result.host.other_cpu_seconds > 0  # the process that writes the counters


def test_a_window_of_the_plugin_measures_any_code(a_session):
    session = a_session()

    def joules_and_seconds():
        try:
            with _plugin_api.open_meter("rapl", session) as metering:
                window = metering.meter.open_window()
                start_s = session.clock.now()
                time.sleep(0.5)
                end_s = session.clock.now()
                reading = window.close(start_s, end_s)
        except PreFlightError as error:  # also where the counters stand still for a moment
            return error, 0.0
        assert metering.choice.name == "rapl"
        return reading.energy_j, end_s - start_s

    tried(joules_and_seconds, lambda found: found[0] == true_j(found[1]), was_stalled)
