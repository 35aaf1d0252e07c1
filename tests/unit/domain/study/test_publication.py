"""The publication rules of a study."""

from __future__ import annotations

from a_study import a_study
from llenergymeasure.domain.study.publication import StudyRule, study_rules
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.domain.study.summary import summarise_study


def a_run(**states) -> RunRow:
    return RunRow(run_id="01.c1", place=1, cell="01", cycle=1, block="cycle 1", state="completed", publication=states)


def test_one_run_that_fails_a_rule_is_enough():
    runs = [a_run(window="kept"), a_run(window="failed"), a_run(window="not_observed")]
    assert study_rules(runs) == (StudyRule("window", "failed", 1, 3),)


def test_a_rule_that_applies_to_some_runs_has_their_state():
    assert study_rules([a_run(gpu="not_applicable"), a_run(gpu="kept")]) == (StudyRule("gpu", "kept", 1, 2),)
    assert study_rules([a_run(gpu="kept"), a_run(gpu="not_observed")]) == (StudyRule("gpu", "not_observed", 1, 2),)


def test_a_run_without_rules_is_not_counted():
    assert study_rules([a_run(), a_run(window="kept")]) == (StudyRule("window", "kept", 1, 1),)
    assert study_rules([a_run()]) == ()


def test_the_summary_counts_the_runs_that_break_a_rule():
    study = a_study()
    states = {"window": "failed", "prompts": "kept", "gpu": "not_applicable", "clocks": "not_observed"}
    first, *rest = study.runs
    rows = (
        first.model_copy(update={"publication": states}),
        *(row.model_copy(update={"publication": {**states, "window": "kept"}}) for row in rest),
    )
    lines = summarise_study(study.model_copy(update={"runs": rows})).splitlines()
    at = lines.index("ready to publish: 1 of 3 rules are kept in every run")
    assert lines[at + 1 : at + 4] == [
        "- failed: window (1 of 36 runs)",
        "- not observed: clocks",
        "- not applicable: gpu",
    ]


def test_a_study_of_an_earlier_release_has_no_statement_about_publication():
    assert "publish" not in summarise_study(a_study())
