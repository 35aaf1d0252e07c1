"""The real CodeCarbon on simulated GPUs in real time: an unguarded tracker and our meter over the same window of 2 s."""

from __future__ import annotations

import os
import shutil

import pynvml
import pytest

from forked import Forker
from nvmlsim import Constant, Fault, Freeze, Pulses, Simulation, sim_gpu
from waiting import tried

pytest.importorskip("codecarbon")

# The power of the CPU is not that of this machine, which may be more than that of the GPUs.
OPTIONS = (
    'country_iso_code="USA", output_methods=[], log_level="critical", measure_power_secs=1, allow_multiple_runs=True, '
    "force_cpu_power=50"
)
FIRST = f"""
import time
from codecarbon import OfflineEmissionsTracker
tracker = OfflineEmissionsTracker({OPTIONS})
tracker.start()
tracker.stop()
"""
# The window lasts from one of these times of the scenario, which begins at 10 s, to 2 s later: a slow machine needs a later one.
STARTS_S = (12.5, 15.0, 20.0, 30.0)
BOTH = """
import os, time
import pynvml
from codecarbon import OfflineEmissionsTracker
from llenergymeasure.core.devices import open_devices
from llenergymeasure.core.energy.select import choose_meter, meter_states
from llenergymeasure.core.machine.clock import SystemClock

clock = SystemClock()
pynvml.nvmlInit()  # reads the scenario anew
with open_devices(clock, os.environ, sampling=True) as devices:
    tell(state=meter_states(devices)["codecarbon"])
    metering = choose_meter("auto", "codecarbon", devices)
    tracker = OfflineEmissionsTracker(OPTIONS)
    window = metering.meter.open_window()
    time.sleep(max(BEGIN_S - 0.4 - time.perf_counter(), 0.0))  # what it measures before the window counts too
    tracker.start()
    time.sleep(max(BEGIN_S - time.perf_counter(), 0.0))
    start_s, start_utc_s = clock.now(), time.time()
    time.sleep(2.0)
    end_s, end_utc_s = clock.now(), time.time()
    said = tracker.stop()
    reading = window.close(start_s, end_s)
    metering.meter.release()
    raw = tracker.final_emissions_data
    tell(raw_j={part: getattr(raw, part + "_energy") * 3.6e6 for part in ("gpu", "cpu", "ram")},
         raw_total_j=raw.energy_consumed * 3.6e6, raw_gpu_w=raw.gpu_power, raised=said is None, raw_s=raw.duration,
         window=[start_utc_s, end_utc_s], joules=reading.energy_j, reason=reading.reason, method=reading.method,
         check=reading.crosscheck_j, problems=reading.problems,
         domains={domain.name: [domain.energy_j, domain.provenance, domain.included] for domain in reading.domains})
""".replace("OPTIONS", OPTIONS)


@pytest.fixture(scope="module")
def codecarbon(nvml_library, tmp_path_factory):
    """A process in which the first tracker has found a GPU: forks find theirs at once."""
    first = Simulation(tmp_path_factory.mktemp("first"), nvml_library, [sim_gpu()], real=True)
    yield from forker(first.environ)


@pytest.fixture(scope="module")
def without_nvidia_smi(nvml_library, tmp_path_factory):
    if shutil.which("nvidia-smi"):
        pytest.skip("nvidia-smi is on the PATH")
    first = Simulation(tmp_path_factory.mktemp("first"), nvml_library, [sim_gpu()], real=True)
    yield from forker({**first.environ, "PATH": os.environ["PATH"]})


def forker(environ):
    one = Forker("codecarbon", environ, FIRST)
    yield one
    one.close()


def both(codecarbon, simulation, *terms, faults=()):
    """The readings of both for a window, and its true joules. Repeated with a fresh scenario if the window began late.

    Terms and faults are made from the time at which the window begins.
    """
    for start_s in STARTS_S:
        gpu = sim_gpu("hopper", idle=[term(start_s) for term in terms])
        sim = simulation(gpu, faults=[fault(start_s) for fault in faults], real=True)
        environ = {name: value for name, value in sim.environ.items() if name != "PATH"}
        reported = codecarbon.run(BOTH.replace("BEGIN_S", repr(sim.origin_s + start_s)), environ)
        if "window" in reported and reported["window"][0] - sim.utc_s(start_s) < 0.2:
            return reported, sim.truth_utc_j(*reported["window"])
    assert "window" in reported, reported
    pytest.skip("this machine is too slow for a window that begins at its time")


def always(watts):
    return lambda _: Constant(watts)


def test_codecarbon_finds_the_gpu_but_reports_a_wrong_power_and_a_total_with_a_constant(codecarbon, simulation):
    def readings():
        return both(
            codecarbon, simulation, always(60.0), lambda start_s: Pulses(600.0, 4.0, 0.15, start_s=start_s + 0.3)
        )

    def has_a_wrong_power_and_right_joules(readings):  # unless a thread reads late
        reported, truth_j = readings
        raw_j = reported["raw_j"]["gpu"]
        return (
            abs(reported["raw_gpu_w"] * reported["raw_s"] - raw_j) > 0.1 * raw_j
            and raw_j == pytest.approx(truth_j, rel=0.2)
            and reported["joules"] == pytest.approx(truth_j, rel=0.2)
            and reported["check"] == pytest.approx(truth_j, rel=0.05)
        )

    reported, _ = tried(readings, has_a_wrong_power_and_right_joules)
    raw_j = reported["raw_j"]
    assert reported["state"] == "available"
    assert reported["raw_total_j"] == pytest.approx(sum(raw_j.values()))
    assert raw_j["ram"] > 5
    assert (reported["method"], reported["joules"]) == ("sampled", reported["domains"]["gpu"][0])
    assert reported["domains"]["ram"][1:] == ["modelled", False]
    assert reported["domains"]["cpu"][2] is False


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda start_s: Fault("*", pynvml.NVML_ERROR_GPU_IS_LOST, from_s=start_s + 1.0), "GPU is lost"),
        (lambda start_s: Freeze(start_s + 0.7), "did not advance for"),
    ],
    ids=["lost", "frozen"],
)
def test_what_fails_in_the_window_is_only_logged_by_codecarbon_and_voids_ours(codecarbon, simulation, fault, words):
    def is_void(readings):  # unless the process was stalled while the counter stood still
        reported, truth_j = readings
        assert reported["joules"] is None or words != "GPU is lost"
        is_void = reported["joules"] is None and (words in reported["reason"] or "lost joules" in reported["reason"])
        return is_void and reported["raw_j"]["gpu"] < 0.8 * truth_j

    reported, _ = tried(lambda: both(codecarbon, simulation, always(300.0), faults=[fault]), is_void)
    assert reported["raised"] is False
    assert reported["raw_total_j"] > 0


@pytest.mark.slow
def test_without_nvidia_smi_codecarbon_ignores_the_gpus_and_ours_is_not_offered(without_nvidia_smi, simulation):
    reported, truth_j = both(without_nvidia_smi, simulation, always(300.0))
    assert (reported["raised"], reported["raw_j"]["gpu"]) == (False, 0.0)
    assert 0 < reported["raw_total_j"] < 0.5 * truth_j
    assert reported["state"] == "codecarbon ignores the GPUs because nvidia-smi is not on the PATH"
    assert reported["joules"] is None
