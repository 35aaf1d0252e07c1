"""The state of GPUs, read through the simulated NVML, in the result, its warnings and its snapshot.

Windows last from about 13.1 to 16.1 s and draw 300 W.
"""

from __future__ import annotations

import pynvml
import pytest

from llenergymeasure.core.baseline import TTL_S
from nvmlsim import Constant, Fault, Process, Ramp, Track, sim_gpu
from nvmlsim.scenario import USUAL_STATE
from sim_bench import opened, warning_of

IDLE_10_S = {"baseline": {"duration_seconds": 10}}


def measured(simulate, *gpus, settle_s=3.0, **fields):
    with opened(simulate(*gpus), settle_s=settle_s) as bench:
        return bench.result(**fields)[0]


def tracked(quantity, value, from_s):
    return (*USUAL_STATE, Track(quantity, value, from_s))


def test_a_good_gpu_gives_no_warning_about_it(simulate):
    result = measured(simulate, sim_gpu(processes=[Process(0)]))
    (gpu,) = result.environment_snapshot.gpus
    assert (gpu.persistence_mode, gpu.ecc_enabled, gpu.mig_enabled) == (True, True, False)
    assert (gpu.power_limit_w, gpu.compute_capability, gpu.vram_mb) == (700.0, "9.0", 80_000.0)
    assert result.environment_snapshot.driver_version == "580.95.05"
    assert result.thermal_throttle.detected is False
    about_gpus = ("gpu_", "ecc_", "mig_", "thermal_", "throttling", "foreign", "sampling", "meter", "energy", "nvml")
    assert [text for text in result.measurement_warnings if text.startswith(about_gpus)] == []


@pytest.mark.parametrize(
    ("changes", "code", "words", "block"),
    [
        ({"persistence": False}, "gpu_persistence_mode_off", "sudo nvidia-smi -pm 1", {"persistence_mode": False}),
        ({"ecc": False}, "ecc_disabled", "has ECC off", {"ecc_enabled": False}),
        ({"migs": ["MIG-a"]}, "mig_parent_power", "those of the whole GPU, shared", {"mig_enabled": True}),
    ],
)
def test_a_setting_that_matters_is_in_the_snapshot_and_a_warning(simulate, changes, code, words, block):
    result = measured(simulate, sim_gpu(**changes))
    assert words in warning_of(result, code)
    (gpu,) = result.environment_snapshot.gpus
    assert {name: getattr(gpu, name) for name in block} == block


def test_values_that_a_gpu_does_not_report_are_unknown_and_no_warning(simulate):
    result = measured(simulate, sim_gpu("turing", persistence=None, ecc=None))
    (gpu,) = result.environment_snapshot.gpus
    assert (gpu.persistence_mode, gpu.ecc_enabled, gpu.mig_enabled) == (None, None, None)
    assert warning_of(result, "gpu_persistence_mode_off") == warning_of(result, "ecc_disabled") == ""


def test_a_mig_instance_is_charged_the_whole_gpu_and_flagged(simulate):
    sim = simulate(sim_gpu(number=0), sim_gpu(number=1, migs=["MIG-a", "MIG-b"]))
    with opened(sim, environ={"CUDA_VISIBLE_DEVICES": "MIG-b"}) as bench:
        result, _ = bench.result()
    assert list(result.energy.per_device_j) == [sim.gpus[1].uuid]
    assert result.energy_total_j == pytest.approx(sim.truth_utc_j(*result.window_utc, gpu=1), rel=0.003)
    assert "GPU 1" in warning_of(result, "mig_parent_power")


def test_a_foreign_process_is_named_while_it_is_there(simulate):
    gpu = sim_gpu(processes=[Process(0), Process(4711, from_s=14.0), Process(4712, to_s=11.0)])
    result = measured(simulate, gpu)
    assert "1 other processes used the GPU: GPU 0 pid 4711" in warning_of(result, "foreign_process")
    assert "no_foreign_process: 1 foreign processes" in result.publication_check.failed


def test_processes_that_may_not_be_listed_do_not_count_as_none(simulate):
    sim = simulate(
        sim_gpu(processes=[Process(4711)]),
        faults=[
            Fault(f"nvmlDeviceGet{kind}RunningProcesses", pynvml.NVML_ERROR_NO_PERMISSION)
            for kind in ("Compute", "Graphics")
        ],
    )
    with opened(sim) as bench:
        result, _ = bench.result()
    assert "no_foreign_process: not observed" in result.publication_check.not_observed
    assert any("processes" in problem for problem in result.sampler.problems)


@pytest.mark.parametrize(
    ("bits", "flags"),
    [
        (0x04, {"power"}),
        (0x20, {"thermal", "sw_thermal"}),
        (0x40, {"thermal", "hw_thermal"}),
        (0x80, {"power", "hw_power"}),
        (0x01, set()),
        (0x02, set()),
    ],
)
def test_each_reason_that_reduces_clocks_is_flagged_with_its_time(simulate, bits, flags):
    gpu = sim_gpu(tracks=(*USUAL_STATE, Track("reasons", bits, 14.0), Track("reasons", 0, 15.0)))
    result = measured(simulate, gpu)
    seen = result.thermal_throttle
    assert {
        name for name in ("thermal", "power", "sw_thermal", "hw_thermal", "hw_power") if getattr(seen, name)
    } == flags
    assert seen.detected is bool(flags)
    assert seen.throttle_duration_sec == pytest.approx(1.0 if flags else 0.0, abs=0.51)
    assert ("clocks were throttled for" in warning_of(result, "throttling_detected")) is bool(flags)
    assert ("not_throttled" in result.publication_check.passed) is not bool(flags)


def test_throttling_before_the_window_is_not_the_window_s(simulate):
    gpu = sim_gpu(tracks=(*USUAL_STATE, Track("reasons", 0x40, 11.0), Track("reasons", 0, 12.0)))
    assert measured(simulate, gpu).thermal_throttle.detected is False


def test_a_gpu_that_warms_up_in_the_window_is_reported_with_its_degrees(simulate):
    result = measured(simulate, sim_gpu(tracks=tracked("temperature_c", 62, 14.5)))
    assert "temperature changed by +17 C" in warning_of(result, "thermal_drift_detected")
    assert "temperature_within_10_c: +17 C" in result.publication_check.failed
    assert result.thermal_throttle.max_temperature_c == 62
    assert set(result.timeseries.temperature_c) == {45, 62}


def test_idle_power_is_measured_and_taken_off(simulate):
    result = measured(simulate, sim_gpu(), **IDLE_10_S)
    assert result.baseline.power_w == pytest.approx(60.0, rel=0.01)
    assert (result.baseline.provenance, result.baseline.when, result.baseline.problems) == ("fresh", "before_load", ())
    assert result.energy_adjusted_j == pytest.approx(3 * 240.0, rel=0.01)


def test_idle_power_covers_every_gpu_that_is_used(simulate):
    gpus = [sim_gpu(number=0), sim_gpu(number=1, idle=[Constant(40.0)])]
    assert measured(simulate, *gpus, **IDLE_10_S).baseline.power_w == pytest.approx(100.0, rel=0.01)


def test_idle_power_after_loading_is_that_of_a_gpu_with_a_model_in_it(simulate):
    """The model is loaded at once here: only the order and the label differ."""
    baseline = {"duration_seconds": 10, "when": "after_load"}
    result = measured(simulate, sim_gpu(), baseline=baseline)
    assert (result.baseline.when, result.baseline.provenance) == ("after_load", "fresh")
    assert result.baseline.power_w == pytest.approx(60.0, rel=0.01)


def test_idle_power_that_has_not_settled_is_a_warning(simulate):
    cooling = sim_gpu(idle=[Constant(120.0), Ramp(-60.0, 13.0, 23.0)])
    warning = warning_of(measured(simulate, cooling, **IDLE_10_S), "baseline_problem")
    # The baseline begins two ticks after 13 s, at 13.11 s: 120 W - 6 W/s x (0.11 + 2.5) s, and 5 s later.
    assert "power of GPU 0 had not settled: 104 W in the first half of the idle time, 74.4 W in the second" in warning
    assert "raise baseline.duration_seconds" in warning


def test_a_foreign_process_on_the_idle_gpu_is_a_warning(simulate):
    result = measured(simulate, sim_gpu(processes=[Process(4711, to_s=20.0)]), **IDLE_10_S)
    assert "other processes were on the GPU while it should be idle: GPU 0 pid 4711" in warning_of(
        result, "baseline_problem"
    )


def test_idle_power_is_kept_for_an_hour_with_its_age_and_then_measured_again(simulate):
    with opened(simulate(sim_gpu())) as bench:
        fresh, _ = bench.result(**IDLE_10_S)
        bench.sim.clock.sampler = None
        bench.sim.clock.sleep(TTL_S / 2)
        bench.sim.clock.sampler = bench.devices.sampler
        bench.sim.clock.sleep(2.0)
        cached, _ = bench.result(**IDLE_10_S)
        bench.sim.clock.sampler = None
        bench.sim.clock.sleep(TTL_S / 2)
        bench.sim.clock.sampler = bench.devices.sampler
        bench.sim.clock.sleep(2.0)
        again, _ = bench.result(**IDLE_10_S)
    assert [one.baseline.provenance for one in (fresh, cached, again)] == ["fresh", "cached", "fresh"]
    assert cached.baseline.age_sec == pytest.approx(TTL_S / 2, abs=10)
    assert cached.baseline.timestamp == fresh.baseline.timestamp
    assert cached.baseline.power_w == fresh.baseline.power_w
    assert "baseline_fresh: cached" in cached.publication_check.failed
