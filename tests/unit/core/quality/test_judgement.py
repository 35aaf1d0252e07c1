"""A draft becomes a result: the judgement takes its place, and nothing measured changes."""

from __future__ import annotations

from a_draft import CONDITIONS, a_draft, update
from llenergymeasure.core.quality.judgement import judged, of_run
from llenergymeasure.domain.energy import BaselineResult
from llenergymeasure.domain.warnings import warning

JUDGEMENT = {"warnings", "measurement_warnings", "reproducibility_notes", "publication_check"}


def test_a_draft_gets_its_warnings_rules_and_note():
    result = judged(a_draft(duration_sec=9.0))
    assert [each.code for each in result.warnings] == ["short_measurement_duration"]
    assert result.measurement_warnings == (
        "short_measurement_duration: the window lasted 9 s, below 10 s; set min_duration_seconds, or raise n or max_output_tokens",
    )
    assert result.publication_check.failed == ("window_at_least_60_s: 9 s of 60 s",)
    assert "5 W or 5 %" in result.reproducibility_notes


def test_nothing_that_was_measured_changes():
    draft = a_draft()
    before, after = (one.model_dump(exclude=JUDGEMENT) for one in (draft, judged(draft)))
    assert before == after


def test_further_warnings_come_last():
    further = warning("device_counted_once", "ranks 0 and 1 read the same meter")
    result = judged(a_draft(duration_sec=9.0), [further])
    assert [each.code for each in result.warnings] == ["short_measurement_duration", "device_counted_once"]


def test_a_result_can_be_judged_again():
    warm = update(CONDITIONS, temperature_end_c=90.0)
    once = judged(a_draft(gpu_conditions=(warm,)))
    assert judged(once) == once


def test_a_result_of_a_study_names_its_run_and_its_idle_power_counts_as_fresh():
    cached = BaselineResult(power_w=5.0, provenance="cached", age_sec=60.0)
    alone = judged(a_draft(baseline=cached))
    run = of_run(alone, "03.c1")
    assert (alone.publication_check.failed, run.publication_check.failed) == (("baseline_fresh: cached",), ())
    assert (run.experiment_id, run.warnings) == ("03.c1", alone.warnings)
