"""The publication rules: each is kept by a good measurement, and broken alone by its own fault."""

from __future__ import annotations

import pytest

from a_draft import CONDITIONS, CONFIG, ENERGY, GPU, REPORT, TOKENS, UNSEEN, WARMUP, a_draft, update
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.quality.publication import RULES, check_publication
from llenergymeasure.domain.dataset import DatasetInfo
from llenergymeasure.domain.energy import BaselineResult, EnergyDomain, EnergyReading, MeterChoice
from llenergymeasure.domain.measurements import HostResult, ModelInfo
from llenergymeasure.domain.sensors import ThermalThrottleInfo

NAMES = tuple(rule.name for rule in RULES)


def not_kept(draft):
    return [each for each in check_publication(draft).rules if each.state != "kept"]


def states(draft):
    return {each.rule: each.state for each in check_publication(draft).rules}


def test_a_measurement_without_a_fault_is_ready_to_publish():
    check = check_publication(a_draft())
    assert check.failed == ()
    assert check.passed == NAMES


BREAKING = {
    "window_at_least_60_s": dict(duration_sec=59.0),
    "at_least_100_sensor_updates": dict(energy=update(ENERGY, n_readings=99)),
    "at_least_30_prompts": dict(tokens=update(TOKENS, n_prompts=29)),
    "baseline_fresh": dict(baseline=BaselineResult(power_w=5.0, provenance="cached", age_sec=5.0)),
    "energy_measured": dict(energy=update(ENERGY, method="replayed")),
    "crosscheck_within_uncertainty": dict(energy=update(ENERGY, crosscheck_j=900.0)),
    "warmed_up": dict(warmup=update(WARMUP, converged=False, final_cv=0.3)),
    "thermal_floor_kept": dict(warmup=update(WARMUP, thermal_floor_wait_s=29.0)),
    "not_throttled": dict(thermal_throttle=ThermalThrottleInfo(detected=True)),
    "no_foreign_process": dict(foreign_processes=("GPU 0 pid 7",)),
    "temperature_within_10_c": dict(gpu_conditions=(update(CONDITIONS, temperature_end_c=71.0),)),
    "clocks_recorded": dict(gpu_conditions=(update(CONDITIONS, clock_mean_mhz=None),)),
    "power_limit_recorded": dict(gpu={"power_limit_w": None}),
    "real_weights": dict(model_info=ModelInfo(name="m", device="cuda", random_weights=True, revision="abc")),
    "revision_pinned": dict(config=update(CONFIG, pytorch=None)),
    "dataset_hashed": dict(dataset=DatasetInfo(name="d", source="jsonl", n_available=1, n_used=1)),
    "work_stated": dict(tokens=update(TOKENS, output_tokens=0)),
    "no_sampling_gap": dict(sampler=update(REPORT, gaps=1)),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_each_rule_breaks_alone(name):
    (broken,) = not_kept(a_draft(**BREAKING[name]))
    assert (broken.rule, broken.state, bool(broken.found)) == (name, "failed", True)


def test_a_rule_carries_the_number_that_broke_it():
    (broken,) = not_kept(a_draft(duration_sec=59.0))
    assert (broken.value, broken.found) == (59.0, "59 s of 60 s")


def test_the_texts_are_made_of_the_rules():
    check = check_publication(a_draft(duration_sec=59.0))
    assert check.failed == ("window_at_least_60_s: 59 s of 60 s",)
    assert "at_least_30_prompts" in check.passed


def test_an_estimate_has_no_sensor_whose_updates_could_be_counted():
    check = check_publication(a_draft(energy=update(ENERGY, method="estimated", n_readings=1000)))
    assert check.failed == ("energy_measured: estimated",)
    assert check.not_applicable == (
        "at_least_100_sensor_updates: an estimate has no sensor",
        "crosscheck_within_uncertainty: an estimate has no sensor",
    )


def test_a_gpu_without_a_temperature_does_not_pass_with_that_of_another():
    unread = update(CONDITIONS, gpu_index=1, temperature_start_c=None)
    unseen = check_publication(a_draft(gpu_conditions=(CONDITIONS, unread))).not_observed
    assert unseen == ("temperature_within_10_c: not observed on every GPU",)


def test_what_was_not_observed_is_neither_kept_nor_failed():
    check = check_publication(a_draft(**UNSEEN))
    assert [(each.rule, each.state) for each in not_kept(a_draft(**UNSEEN))] == [
        (name, "not_observed")
        for name in (
            "not_throttled", "no_foreign_process", "temperature_within_10_c", "clocks_recorded", "no_sampling_gap",
        )
    ]  # fmt: skip
    assert (check.failed, len(check.not_observed)) == ((), 5)


def test_a_warm_up_whose_latency_was_not_checked_is_not_observed():
    (found,) = not_kept(a_draft(warmup=update(WARMUP, converged=None, final_cv=None)))
    assert (found.rule, found.state) == ("warmed_up", "not_observed")


NEEDING_ENERGY = ("at_least_100_sensor_updates", "energy_measured", "crosscheck_within_uncertainty")


def test_energy_that_was_not_measured_is_not_observed():
    found = states(a_draft(energy=EnergyReading(meter="none")))
    assert {found[rule] for rule in NEEDING_ENERGY} == {"not_observed"}


def test_no_rule_about_energy_applies_when_it_is_switched_off():
    nothing = BaselineResult(provenance="unavailable", reason="energy is off")
    off = a_draft(meter=MeterChoice(name="null", reason="off"), energy=EnergyReading(meter="null"), baseline=nothing)
    found = states(off)
    assert {found[rule] for rule in (*NEEDING_ENERGY, "baseline_fresh")} == {"not_applicable"}
    assert check_publication(off).failed == ()


ON_CPU = dict(model_info=ModelInfo(name="org/m", device="cpu", revision="abcdef"), **UNSEEN)
OF_GPUS = ("not_throttled", "temperature_within_10_c", "clocks_recorded", "power_limit_recorded")


def test_no_rule_about_gpus_applies_to_a_run_on_the_cpu():
    measured = update(ENERGY, crosscheck_j=None)
    check = check_publication(a_draft(energy=measured, **ON_CPU))
    assert (check.failed, check.not_observed) == ((), ())
    assert {each.rule for each in check.of("not_applicable")} == {
        *OF_GPUS,
        "crosscheck_within_uncertainty",
        "no_sampling_gap",
    }
    assert check.applicable == len(RULES) - 6


def test_a_rule_about_gpus_does_not_apply_although_the_machine_has_a_hot_one_that_the_run_does_not_use():
    hot = (update(CONDITIONS, temperature_end_c=90.0),)
    found = states(a_draft(**{**ON_CPU, "gpu_conditions": hot}))
    assert {found[rule] for rule in OF_GPUS} == {"not_applicable"}


def test_the_rules_about_gpus_apply_to_a_run_on_the_cpu_whose_energy_is_that_of_gpus():
    odd = update(ENERGY, per_device_j={GPU["uuid"]: 1000.0})
    assert {states(a_draft(energy=odd, **ON_CPU))[rule] for rule in OF_GPUS} == {"not_observed", "kept"}


@pytest.mark.parametrize(("share", "state"), [(0.1, "kept"), (0.11, "failed"), (None, "not_observed")])
def test_on_the_cpu_the_time_of_other_processes_counts(share, state):
    assert (
        states(a_draft(host=HostResult(cpu_seconds=1.0, other_cpu_share=share), **ON_CPU))["no_foreign_process"]
        == state
    )


@pytest.mark.parametrize(("other_s", "state"), [(1.0, "kept"), (2.0, "failed"), (None, "not_observed")])
def test_where_the_joules_are_those_of_all_processes_their_share_of_the_used_time_counts(other_s, state):
    """9 s of the experiment beside 1 s of others are a tenth; of all CPUs the others used 1 %."""
    package = EnergyDomain(name="package-0", energy_j=1000.0, provenance="measured", included=True)
    energy = update(ENERGY, meter="rapl", per_device_j={"package-0": 1000.0}, domains=(package,))
    host = HostResult(cpu_seconds=9.0, other_cpu_share=0.01, other_cpu_seconds=other_s)
    assert states(a_draft(energy=energy, host=host, **ON_CPU))["no_foreign_process"] == state


def test_cached_idle_power_is_fresh_in_a_study_and_not_said_to_be_of_this_one():
    """A process may have measured it in an earlier study."""
    cached = BaselineResult(power_w=5.0, provenance="cached", age_sec=1800.0)
    assert states(a_draft(baseline=cached))["baseline_fresh"] == "failed"
    (rule,) = (each for each in check_publication(a_draft(baseline=cached, run_id="03.c1")).rules if each.value == 1800)
    assert (rule.rule, rule.state, rule.found) == ("baseline_fresh", "kept", "cached, 1800 s old")


def test_idle_power_is_not_observed_when_it_failed_and_failed_when_it_is_switched_off():
    nothing = BaselineResult(provenance="unavailable", reason="x")
    off = update(CONFIG, baseline=update(CONFIG.baseline, enabled=False))
    assert states(a_draft(baseline=nothing))["baseline_fresh"] == "not_observed"
    assert states(a_draft(baseline=nothing, config=off))["baseline_fresh"] == "failed"


@pytest.mark.parametrize(
    ("model", "revision", "state"),
    [("builtin/tiny-llama", None, "not_applicable"), ("./models/mine", None, "not_observed"), ("org/m", "abc", "kept")],
)
def test_only_a_model_of_the_hub_can_be_pinned(model, revision, state):
    info = ModelInfo(name=model, device="cuda", revision=revision)
    assert (
        states(a_draft(config=CONFIG.model_copy(update={"model": model}), model_info=info))["revision_pinned"] == state
    )


def test_random_weights_are_those_of_the_seed_unless_vllm_drew_them():
    drawn = ModelInfo(name="m", device="cuda", random_weights=True)
    config = ExperimentConfig(model="org/m", backend="vllm", vllm={"revision": "abc"})
    (broken,) = not_kept(a_draft(model_info=update(drawn, revision="abc"), config=config))
    assert (broken.rule, broken.value, broken.found) == ("real_weights", None, "random")
