"""Sensors that fail in the middle of a window: the real pynvml on simulated GPUs, through door, sampler, meter and harness.

The joules are right, or they have a warning, or there are none and a reason; a wrong number without a warning never occurs.
Windows last from about 13.1 to 16.1 s and draw 300 W.
"""

from __future__ import annotations

from dataclasses import replace

import pynvml
import pytest

from nvmlsim import Box, Constant, Fault, Freeze, Pulses, Reset, Stall, sim_gpu
from sim_bench import opened, warning_of

MIDDLE_S = 14.5
LOST, RESET_REQUIRED = pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED
NO_PERMISSION, TIMEOUT = pynvml.NVML_ERROR_NO_PERMISSION, pynvml.NVML_ERROR_TIMEOUT
UNKNOWN, NOT_SUPPORTED = pynvml.NVML_ERROR_UNKNOWN, pynvml.NVML_ERROR_NOT_SUPPORTED
COUNTER = "nvmlDeviceGetTotalEnergyConsumption"
FIELDS = "nvmlDeviceGetFieldValues"


def measured(simulate, *faults, gpu=None, **fields):
    sim = simulate(gpu or sim_gpu("hopper"), faults=faults)
    with opened(sim) as bench:
        return bench.result(**fields)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (LOST, "GPU is lost"),
        (RESET_REQUIRED, "nvidia-smi --gpu-reset"),
        (NO_PERMISSION, "no permission to read the GPU"),
        (TIMEOUT, "no power sensor covers the window"),
        (NOT_SUPPORTED, "no power sensor covers the window"),
    ],
)
@pytest.mark.parametrize("counter", [True, False])
def test_a_gpu_that_goes_away_voids_the_window_and_what_it_used_until_then_is_reported(simulate, code, words, counter):
    gpu = sim_gpu("hopper") if counter else sim_gpu("hopper", counter=None)
    result, _ = measured(simulate, Fault("*", code, from_s=MIDDLE_S), gpu=gpu)
    assert (result.energy_total_j, result.energy.per_device_j, result.energy_per_output_token) == (None, None, None)
    assert words in result.energy.reason
    used_j, seconds = reported_until_then(result.energy.reason)
    assert seconds == pytest.approx(MIDDLE_S - 13.1, abs=0.2)
    assert used_j == pytest.approx(300 * seconds, rel=0.06)
    assert "energy was not measured" in warning_of(result, "energy_unavailable")
    assert result.output_tokens == 291


def reported_until_then(reason):
    words = reason.partition("until then it used ")[2].split()
    return float(words[0]), float(words[3])


def test_what_the_other_gpu_used_is_kept_when_one_is_lost(simulate):
    sim = simulate(sim_gpu(number=0), sim_gpu(number=1), faults=[Fault("*", LOST, from_s=MIDDLE_S, gpu=1)])
    with opened(sim) as bench:
        reading, _ = bench.window()
    assert reading.energy_j is None
    assert reading.reason.startswith("GPU 1 ")
    (kept,) = reading.problems
    assert kept.startswith(f"{sim.gpus[0].uuid} used ")
    assert float(kept.split()[2]) == pytest.approx(900.0, rel=0.01)


def test_a_gpu_that_was_lost_stays_lost_for_the_windows_that_follow(simulate):
    sim = simulate(sim_gpu(), faults=[Fault("*", LOST, from_s=11.0, to_s=12.0)])
    with opened(sim) as bench:
        reading, _ = bench.window()
    assert "GPU is lost" in reading.reason
    assert "no part of the window was measured" in reading.reason


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Freeze(12.0), "did not advance for 0.5 s"),
        (Freeze(MIDDLE_S), "did not advance for 0.5 s"),
        (Freeze(MIDDLE_S, 15.5), "did not advance for 1 s in the window"),
        (Reset(MIDDLE_S), "went backwards"),
        (Fault(COUNTER, NOT_SUPPORTED, from_s=MIDDLE_S), "is no longer reported"),
        (Fault(COUNTER, NO_PERMISSION), "could not be read (Insufficient Permissions"),
        (Fault(COUNTER, TIMEOUT, from_s=MIDDLE_S), "could not be read (Timeout)"),
        (Fault(COUNTER, TIMEOUT, from_s=12.5, to_s=MIDDLE_S), "could not be read (Timeout)"),
        (Stall(COUNTER, 2.0, from_s=12.9, to_s=18.0), "took 2 s to answer"),
        (Stall(COUNTER, 2.0, from_s=15.5, to_s=30.0), "took 2 s to answer"),
    ],
)  # fmt: skip
def test_a_counter_that_fails_is_void_the_method_changes_and_the_warning_has_the_reason(simulate, fault, words):
    result, truth_j = measured(simulate, fault)
    assert result.energy.method == "sampled"
    warning = warning_of(result, "meter_problem")
    assert "GPU 0: the energy counter" in warning
    assert words in warning
    assert "energy is the power integral" in warning
    assert abs(result.energy_total_j - truth_j) <= stated_j(result)


def stated_j(result):
    """The uncertainty without the card's gain, which is 1 here."""
    return sum(part**2 for name, part in result.energy.uncertainty_parts_j.items() if name != "gain") ** 0.5


@pytest.mark.parametrize(
    "fault",
    [
        Fault("*", UNKNOWN, every=3),
        Fault("*", TIMEOUT, from_s=MIDDLE_S, to_s=15.5),
        Fault(FIELDS, TIMEOUT, from_s=MIDDLE_S, to_s=15.5),
        Fault(FIELDS, NOT_SUPPORTED, from_s=MIDDLE_S),
        Fault("field:83", NOT_SUPPORTED, from_s=MIDDLE_S),
        Fault("field:185", NOT_SUPPORTED, from_s=MIDDLE_S),
        Fault("field:186", UNKNOWN, from_s=MIDDLE_S),
        Fault("nvmlDeviceGetTemperature", NO_PERMISSION),
        Fault("nvmlDeviceGetCurrentClocksEventReasons", NO_PERMISSION),
        Fault("nvmlDeviceGetComputeRunningProcesses", NO_PERMISSION),
        Fault("nvmlDeviceGetEccMode", NO_PERMISSION),
        Freeze(12.0, power=True),
    ],
    ids=str,
)
def test_a_working_counter_is_right_whatever_else_fails(simulate, fault):
    result, truth_j = measured(simulate, fault)
    assert result.energy.method == "counter"
    assert result.energy_total_j == pytest.approx(truth_j, rel=0.003)


def test_power_sensors_that_stand_still_are_reported_with_both_numbers(simulate):
    result, _ = measured(simulate, Freeze(12.0, power=True))
    assert "900 J against 180 J" in warning_of(result, "energy_crosscheck_failed")


@pytest.mark.parametrize("from_s", [12.0, MIDDLE_S])
def test_without_a_counter_a_power_sensor_that_stands_still_is_a_problem(simulate, from_s):
    gpu = sim_gpu("hopper", counter=None, load=[Constant(140.0), Pulses(200.0, 0.7)])
    result, _ = measured(simulate, Freeze(from_s, power=True), gpu=gpu)
    assert "without a change in the last" in warning_of(result, "meter_problem")
    assert "unreliable" in warning_of(result, "meter_problem")


@pytest.mark.parametrize("missing", ["field:185", "field:186"])
def test_without_a_counter_a_power_sensor_that_changes_is_no_problem(simulate, missing):
    gpu = sim_gpu("hopper", counter=None, load=[Constant(140.0), Pulses(200.0, 0.7)])
    result, truth_j = measured(simulate, Fault(missing, NOT_SUPPORTED), gpu=gpu)
    assert warning_of(result, "meter_problem") == ""
    assert abs(result.energy_total_j - truth_j) <= stated_j(result)


def test_failed_readings_are_counted_and_the_driver_s_record_fills_their_gap(simulate):
    result, _ = measured(simulate, Fault(FIELDS, TIMEOUT, from_s=MIDDLE_S, to_s=15.5))
    assert result.sampler.gaps == 0
    assert result.sampler.from_driver_record == pytest.approx(10, abs=1)
    (problem,) = result.sampler.problems
    assert problem.startswith("20 readings failed in the window and were skipped; the last one: ")
    assert "Timeout" in problem


def test_a_gap_that_nothing_fills_is_a_warning_with_its_length_and_its_cause(simulate):
    result, _ = measured(simulate, Fault(FIELDS, TIMEOUT, from_s=MIDDLE_S, to_s=15.5), gpu=sim_gpu(ring=0))
    warning = warning_of(result, "sampling_gap")
    assert "had 1 gap, the longest of 1.0" in warning
    assert "20 readings failed" in warning


def test_a_call_that_hangs_for_two_seconds_leaves_a_gap_and_no_wrongly_dated_reading(simulate):
    """Unguarded, a reading is dated in the middle of its call, and a jump of power moves by a second."""
    gpu = sim_gpu("hopper", ring=0, counter=None, idle=[Constant(60.0), Box(400.0, 15.5, 30.0)])
    sim = simulate(gpu, faults=[Stall(FIELDS, 2.0, from_s=MIDDLE_S, to_s=14.6)])
    with opened(sim) as bench:
        bench.window()
        times_s = bench.devices.sampler.power[gpu.uuid].times(MIDDLE_S, 16.4)
        report = bench.devices.sampler.trace(13.2, 18.0).report
    assert times_s == []
    assert report.longest_gap_s == pytest.approx(2.0, abs=0.1)
    assert "1 readings failed" in report.problems[0]


def test_a_condition_that_may_not_be_read_is_unknown_and_nothing_else(simulate):
    result, _ = measured(
        simulate, Fault("nvmlDeviceGetTemperature", NO_PERMISSION), Fault("nvmlDeviceGetEccMode", NO_PERMISSION)
    )
    (gpu,) = result.environment_snapshot.gpus
    assert (gpu.ecc_enabled, gpu.persistence_mode) == (None, True)
    assert set(result.timeseries.temperature_c) == {None}
    assert set(result.timeseries.sm_utilisation_pct) == {50}


def test_a_window_of_whole_seconds_has_no_row_of_no_length(simulate):
    sim = simulate(sim_gpu())
    with opened(sim) as bench:
        result, _ = bench.result()
        start_s = bench.sim.now()
        bench.sim.clock.sleep(4.0)
        series = bench.devices.sampler.trace(start_s, start_s + 3.0 + 1e-12).timeseries
    assert len(result.timeseries.timestamp_s) == len(series.timestamp_s) == 3


def test_a_lost_gpu_while_idle_gives_no_baseline_and_the_reason(simulate):
    result, _ = measured(simulate, Fault("*", LOST, from_s=14.0), baseline={"duration_seconds": 2})
    assert result.baseline.power_w is None
    assert "GPU is lost" in result.baseline.reason
    assert "GPU is lost" in warning_of(result, "no_baseline")
    assert result.energy_total_j is None


def test_the_gpu_s_own_fault_is_reported_when_only_one_of_its_calls_knows_it(simulate):
    gpu = replace(sim_gpu("turing"), counter=None)
    result, _ = measured(simulate, Fault(FIELDS, LOST, from_s=MIDDLE_S), gpu=gpu)
    assert "GPU is lost" in result.energy.reason


@pytest.mark.parametrize("counter", [True, False])
def test_a_sensor_that_reports_megawatts_for_a_moment_gives_no_megajoules(simulate, counter):
    """4 MW for 0.15 s under a limit of 700 W: 600 kJ that were not used."""
    sensors = {} if counter else {"counter": None}
    gpu = sim_gpu("hopper", **sensors)
    glitch = replace(gpu, idle=(*gpu.idle, Box(4e6, MIDDLE_S, MIDDLE_S + 0.15)))
    result, _ = measured(simulate, gpu=glitch)
    drawn_j = 300 * result.duration_sec
    assert result.energy_total_j == pytest.approx(drawn_j, rel=0.01)
    assert "twice its limit of 700 W" in result.sampler.problems[0]
    assert "sampling_gap" in {each.code for each in result.warnings}
    assert ("meter_problem" in {each.code for each in result.warnings}) is counter
    if counter:
        assert "the GPU may draw 700 W" in result.energy.problems[0]


@pytest.mark.parametrize(("from_s", "to_s"), [(12.9, 13.4), (15.5, 16.4)])
@pytest.mark.parametrize("seconds", [0.1, 0.6, 2.0])
def test_one_reading_at_an_edge_that_is_slow_leaves_the_method_and_the_joules(simulate, from_s, to_s, seconds):
    result, truth_j = measured(simulate, Stall(COUNTER, seconds, from_s, to_s, every=999))
    assert result.energy.method == "counter"
    assert result.energy_total_j == pytest.approx(truth_j, rel=0.01)
    assert abs(result.energy_total_j - truth_j) <= stated_j(result)
