"""Every doubt: when it is raised, when it is not, and that it carries its number and a remedy."""

from __future__ import annotations

import re

import pytest

from fakes import a_snapshot
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.facts import Facts
from llenergymeasure.core.quality.publication import RULES, check_publication
from llenergymeasure.core.quality.warnings import CHECKS, doubts_of, reproducibility_notes
from llenergymeasure.domain.dataset import DatasetInfo
from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.domain.measurements import (
    BaselineResult,
    EnergyDomain,
    EnergyReading,
    FlopsResult,
    GpuConditions,
    HostResult,
    MemoryResult,
    MeterChoice,
    ModelInfo,
    SamplerReport,
    ThermalThrottleInfo,
    TokenCounts,
    WarmupResult,
)
from llenergymeasure.protocols import Trace

CONFIG = ExperimentConfig(model="org/m", pytorch={"revision": "abc"})
TOKENS = TokenCounts(
    n_prompts=100, input_tokens=1000, input_tokens_padded=1000, output_tokens=12800, output_tokens_requested=12800,
    ended_early_share=0.0, truncated_prompts=0,
)  # fmt: skip
ENERGY = EnergyReading(
    meter="nvml", energy_j=1000.0, method="counter", uncertainty_j=50.0, crosscheck_j=990.0, n_readings=900
)
RAPL = EnergyDomain(name="cpu", energy_j=1000.0, provenance="measured", included=True)
WARMUP = WarmupResult(
    converged=None, final_cv=None, iterations_completed=5, target_cv=0.05, max_prompts=50, latencies_ms=(1.0,) * 5,
    duration_sec=1.0, thermal_floor_wait_s=60.0, prompts_excluded=5,
)  # fmt: skip
REPORT = SamplerReport(n_samples=1800, interval_s=0.05, gaps=0, overruns=0)
QUIET = ThermalThrottleInfo(detected=False)
CONDITIONS = GpuConditions(gpu_index=0, clock_mean_mhz=1980.0, temperature_start_c=60.0, temperature_end_c=62.0)
GPU = dict(
    index=0, name="H100", uuid="GPU-1", persistence_mode=True, ecc_enabled=True, mig_enabled=False, power_limit_w=700.0
)


def facts(**changes) -> Facts:
    """A measurement that nobody could doubt, with changes."""
    gpu = GpuInfo(**{**GPU, **changes.pop("gpu", {})})
    seen = dict(report=REPORT, throttling=QUIET, conditions=(CONDITIONS,))
    trace = changes.pop("trace", {})
    trace = None if trace is None else Trace(**{**seen, **trace})
    values = dict(
        config=CONFIG,
        duration_s=90.0,
        meter=MeterChoice(name="nvml", reason="asked for"),
        energy=ENERGY,
        baseline=BaselineResult(power_w=5.0, provenance="fresh", age_sec=0.0),
        model=ModelInfo(name="org/m", device="cuda", revision="abcdef"),
        dataset=DatasetInfo(name="d", source="jsonl", sha256="0" * 64, n_available=100, n_used=100),
        environment=a_snapshot().model_copy(update={"gpus": (gpu,)}),
        tokens=TOKENS,
        memory=MemoryResult(source="cuda_allocated"),
        host=HostResult(cpu_seconds=10.0, other_cpu_share=0.01, cpu_steal_share=0.0),
        flops=FlopsResult(value=1, method="palm", confidence="high", precision="bf16", notes=""),
        warmup=WARMUP,
        trace=trace,
    )
    return Facts(**{**values, **changes})


def update(model, **fields):
    return model.model_copy(update=fields)


DOUBTFUL = {
    "short_measurement_duration": dict(duration_s=9.9),
    "low_prompt_count": dict(tokens=update(TOKENS, n_prompts=29)),
    "energy_unavailable": dict(energy=EnergyReading(meter="none", reason="no sensor; 0 GPUs")),
    "energy_estimated": dict(energy=update(ENERGY, method="estimated", crosscheck_j=None)),
    "energy_simulated": dict(energy=update(ENERGY, method="replayed", crosscheck_j=None)),
    "nvml_low_sample_count": dict(energy=update(ENERGY, n_readings=9)),
    "meter_problem": dict(energy=update(ENERGY, problems=("the counter stood still for 1 s; use the integral",))),
    "energy_crosscheck_failed": dict(energy=update(ENERGY, crosscheck_j=900.0)),
    "no_baseline": dict(baseline=BaselineResult(provenance="unavailable", reason="baseline.enabled is false: 0 s")),
    "baseline_problem": dict(baseline=BaselineResult(power_w=5.0, provenance="fresh", problems=("power moved by 9 W; wait",))),
    "negative_adjusted_energy": dict(baseline=BaselineResult(power_w=50.0, provenance="fresh")),
    "warmup_off": dict(warmup=None),
    "warmup_not_converged": dict(warmup=update(WARMUP, converged=False, final_cv=0.2)),
    "thermal_floor_off": dict(config=update(CONFIG, warmup=update(CONFIG.warmup, thermal_floor_seconds=0.0))),
    "random_weights": dict(model=ModelInfo(name="org/m", device="cuda", random_weights=True)),
    "unexpected_weights": dict(
        model=ModelInfo(name="org/m", device="cuda", n_unexpected_weights=3, unexpected_weights=("a.weight",))
    ),
    "cpu_inference": dict(model=ModelInfo(name="org/m", device="cpu")),
    "decoder_setting_unused": dict(config=update(CONFIG, decoder=update(CONFIG.decoder, temperature=0.7))),
    "no_output": dict(tokens=update(TOKENS, output_tokens=0)),
    "early_end": dict(tokens=update(TOKENS, ended_early_share=0.25)),
    "prompts_truncated": dict(tokens=update(TOKENS, truncated_prompts=3)),
    "busy_machine": dict(host=HostResult(cpu_seconds=1.0, other_cpu_share=0.4)),
    "cpu_steal": dict(host=HostResult(cpu_seconds=1.0, cpu_steal_share=0.1)),
    "idle_gpus_metered": dict(
        model=ModelInfo(name="org/m", device="cuda", devices=("cuda:0",)),
        energy=update(ENERGY, per_device_j={"GPU-0": 900.0, "GPU-1": 100.0}),
    ),
    "gpu_persistence_mode_off": dict(gpu={"persistence_mode": False}),
    "ecc_disabled": dict(gpu={"ecc_enabled": False}),
    "mig_parent_power": dict(gpu={"mig_enabled": True}),
    "thermal_drift_detected": dict(trace={"conditions": (update(CONDITIONS, temperature_end_c=71.0),)}),
    "throttling_detected": dict(trace={"throttling": ThermalThrottleInfo(detected=True, throttle_duration_sec=2.0)}),
    "foreign_process": dict(trace={"foreign_processes": ("GPU 0 pid 7",)}),
    "sampling_gap": dict(trace={"report": update(REPORT, gaps=2, longest_gap_s=0.7)}),
}  # fmt: skip


def test_a_measurement_nobody_could_doubt_has_no_warning():
    assert doubts_of(facts()) == ()


@pytest.mark.parametrize("code", DOUBTFUL)
def test_each_doubt_is_raised_alone_with_its_number_and_a_remedy(code):
    warnings = doubts_of(facts(**DOUBTFUL[code]))
    assert [warning.split(":")[0] for warning in warnings] == [code]
    sentence = warnings[0].partition(": ")[2]
    if code not in ("cpu_inference", "warmup_off", "no_output", "energy_simulated"):
        assert re.search(r"\d", sentence), sentence


def test_large_numbers_are_written_out():
    (warning,) = doubts_of(facts(energy=update(ENERGY, energy_j=4531.2, method="estimated", crosscheck_j=None)))
    assert "4530 J is an estimate" in warning


def test_energy_off_on_purpose_raises_nothing():
    off = facts(
        meter=MeterChoice(name="null", reason="energy.backend is null"),
        energy=EnergyReading(meter="null", reason="off"),
        baseline=BaselineResult(provenance="unavailable", reason="off"),
    )
    assert doubts_of(off) == ()


def test_every_check_can_raise_something():
    silent = {check.__name__ for check in CHECKS}
    for changes in DOUBTFUL.values():
        silent -= {check.__name__ for check in CHECKS if list(check(facts(**changes)))}
    assert silent == set()


def test_a_measurement_nobody_could_doubt_is_ready_to_publish():
    check = check_publication(facts())
    assert check.failed == ()
    assert set(check.passed) == set(RULES)


BREAKING = {
    "window_at_least_60_s": dict(duration_s=59.0),
    "at_least_100_sensor_updates": dict(energy=update(ENERGY, n_readings=99)),
    "at_least_30_prompts": dict(tokens=update(TOKENS, n_prompts=29)),
    "baseline_fresh": dict(baseline=BaselineResult(power_w=5.0, provenance="cached", age_sec=5.0)),
    "energy_measured": dict(energy=update(ENERGY, method="replayed")),
    "crosscheck_within_uncertainty": dict(energy=update(ENERGY, crosscheck_j=900.0)),
    "warmed_up": dict(warmup=update(WARMUP, converged=False, final_cv=0.3)),
    "thermal_floor_kept": dict(warmup=update(WARMUP, thermal_floor_wait_s=29.0)),
    "not_throttled": dict(trace={"throttling": ThermalThrottleInfo(detected=True)}),
    "no_foreign_process": dict(trace={"foreign_processes": ("GPU 0 pid 7",)}),
    "temperature_within_10_c": dict(trace={"conditions": (update(CONDITIONS, temperature_end_c=71.0),)}),
    "clocks_recorded": dict(trace={"conditions": (update(CONDITIONS, clock_mean_mhz=None),)}),
    "power_limit_recorded": dict(gpu={"power_limit_w": None}),
    "real_weights": dict(model=ModelInfo(name="m", device="cuda", random_weights=True, revision="abc")),
    "revision_pinned": dict(config=update(CONFIG, pytorch=None)),
    "dataset_hashed": dict(dataset=DatasetInfo(name="d", source="jsonl", n_available=1, n_used=1)),
    "work_stated": dict(tokens=update(TOKENS, output_tokens=0)),
    "no_sampling_gap": dict(trace={"report": update(REPORT, gaps=1)}),
}  # fmt: skip


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_of_publication_breaks_alone_and_tells_its_number(rule):
    assert [broken.split(":")[0] for broken in check_publication(facts(**BREAKING[rule])).failed] == [rule]


def test_readings_of_an_estimate_are_no_sensor_updates():
    failed = check_publication(facts(energy=update(ENERGY, method="estimated", n_readings=1000))).failed
    assert failed == ("at_least_100_sensor_updates: no sensor: an estimate", "energy_measured: estimated")


def test_a_gpu_without_a_temperature_does_not_pass_with_that_of_another():
    untold = update(CONDITIONS, gpu_index=1, temperature_start_c=None)
    failed = check_publication(facts(trace={"conditions": (CONDITIONS, untold)})).failed
    assert failed == ("temperature_within_10_c: not observed on every GPU",)
    warm = update(CONDITIONS, temperature_end_c=71.0)
    assert any("+11 C" in warning for warning in doubts_of(facts(trace={"conditions": (warm, untold)})))


def test_what_was_not_observed_is_not_passed():
    unseen = check_publication(facts(trace=None))
    assert {"not_throttled", "no_foreign_process", "no_sampling_gap", "temperature_within_10_c"} <= {
        broken.split(":")[0] for broken in unseen.failed
    }


def test_a_meter_that_does_not_count_updates_is_not_said_to_have_seen_none():
    doubts = doubts_of(facts(energy=update(ENERGY, meter="file", n_readings=0)))
    assert any("the meter file does not tell how many sensor updates" in doubt for doubt in doubts)


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (EnergyReading(meter="none"), "not measured"),
        (update(ENERGY, method="estimated"), "not a measurement"),
        (update(ENERGY, method="replayed"), "simulated"),
        (ENERGY, "5 W or 5 %"),
        (update(ENERGY, meter="file"), "the meter file: what is known of its accuracy is for its author to state"),
        (update(ENERGY, meter="codecarbon", method="sampled", domains=(RAPL,)), "RAPL"),
    ],
)
def test_reproducibility_notes_fit_the_meter(reading, words):
    assert words in reproducibility_notes(reading)
