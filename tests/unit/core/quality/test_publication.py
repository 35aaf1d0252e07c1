"""The publication rules: each is kept by a good measurement, and broken alone by its own fault."""

from __future__ import annotations

import pytest

from a_draft import CONDITIONS, CONFIG, ENERGY, REPORT, TOKENS, UNSEEN, WARMUP, a_draft, update
from llenergymeasure.core.quality.publication import RULES, check_publication
from llenergymeasure.domain.dataset import DatasetInfo
from llenergymeasure.domain.energy import BaselineResult, EnergyReading
from llenergymeasure.domain.measurements import ModelInfo
from llenergymeasure.domain.sensors import ThermalThrottleInfo

NAMES = tuple(rule.name for rule in RULES)


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
    (broken,) = check_publication(a_draft(**BREAKING[name])).broken
    assert (broken.rule, broken.state, bool(broken.found)) == (name, "failed", True)


def test_a_rule_carries_the_number_that_broke_it():
    (broken,) = check_publication(a_draft(duration_sec=59.0)).broken
    assert (broken.value, broken.found) == (59.0, "59 s of 60 s")


def test_the_texts_are_made_of_the_rules():
    check = check_publication(a_draft(duration_sec=59.0))
    assert check.failed == ("window_at_least_60_s: 59 s of 60 s",)
    assert "at_least_30_prompts" in check.passed


def test_readings_of_an_estimate_are_no_sensor_updates():
    failed = check_publication(a_draft(energy=update(ENERGY, method="estimated", n_readings=1000))).failed
    assert failed == ("at_least_100_sensor_updates: no sensor: an estimate", "energy_measured: estimated")


def test_a_gpu_without_a_temperature_does_not_pass_with_that_of_another():
    unread = update(CONDITIONS, gpu_index=1, temperature_start_c=None)
    failed = check_publication(a_draft(gpu_conditions=(CONDITIONS, unread))).failed
    assert failed == ("temperature_within_10_c: not observed on every GPU",)


def test_what_was_not_observed_is_neither_kept_nor_failed():
    check = check_publication(a_draft(**UNSEEN))
    assert [(each.rule, each.state) for each in check.broken] == [
        (name, "not_observed")
        for name in (
            "not_throttled", "no_foreign_process", "temperature_within_10_c", "clocks_recorded", "no_sampling_gap",
        )
    ]  # fmt: skip


def test_energy_that_was_not_measured_is_not_observed():
    states = {each.rule: each.state for each in check_publication(a_draft(energy=EnergyReading(meter="none"))).rules}
    needing_energy = ("energy_measured", "crosscheck_within_uncertainty", "at_least_100_sensor_updates")
    assert {states[rule] for rule in needing_energy} == {"not_observed"}
