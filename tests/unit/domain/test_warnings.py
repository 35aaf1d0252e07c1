"""Warnings and publication rules are data; their texts are made last, and old files keep theirs."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from a_result import a_result
from llenergymeasure import ExperimentResult
from llenergymeasure.domain.warnings import PublicationCheck, RuleOutcome, warning


def test_a_text_is_code_sentence_and_remedy():
    assert str(warning("low_prompt_count", "2 prompts", "raise n")) == "low_prompt_count: 2 prompts; raise n"
    assert str(warning("meter_problem", "the counter stood still")) == "meter_problem: the counter stood still"


def test_a_number_that_is_not_known_is_left_out():
    assert warning("warmup_not_converged", "", cv=None, target_cv=0.05).values == {"target_cv": 0.05}


def test_a_warning_of_one_process_names_its_rank():
    of_rank = warning("sampling_gap", "2 gaps", "lower the load", gaps=2).of_rank(1)
    assert str(of_rank) == "sampling_gap: rank 1: 2 gaps; lower the load"
    assert of_rank.values == {"gaps": 2, "rank": 1}


def test_rules_have_four_states_and_a_list_of_texts_for_each():
    check = PublicationCheck(
        rules=(
            RuleOutcome(rule="a", state="kept", found="3 of 3", value=3),
            RuleOutcome(rule="b", state="failed", found="2 of 3", value=2),
            RuleOutcome(rule="c", state="not_observed", found="not observed"),
            RuleOutcome(rule="d", state="not_applicable", found="a run on the CPU"),
        )
    )
    assert (check.passed, check.failed) == (("a",), ("b: 2 of 3",))
    assert (check.not_observed, check.not_applicable) == (("c: not observed",), ("d: a run on the CPU",))
    assert check.applicable == 3
    assert PublicationCheck.model_validate(check.model_dump(mode="json")) == check


def test_texts_that_do_not_follow_from_the_data_are_refused():
    rules = [{"rule": "a", "state": "kept", "found": "3 of 3"}]
    with pytest.raises(ValidationError, match="passed is"):
        PublicationCheck.model_validate({"rules": rules, "passed": [], "failed": ["a: 3 of 3"]})


def test_a_file_in_which_failed_lists_what_was_not_observed_is_read():
    rules = [{"rule": "a", "state": "not_observed", "found": "no sensor"}]
    check = PublicationCheck.model_validate({"rules": rules, "passed": [], "failed": ["a: no sensor"]})
    assert (check.failed, check.not_observed) == ((), ("a: no sensor",))


def test_a_result_read_back_has_the_same_data():
    result = a_result()
    again = ExperimentResult.model_validate(result.model_dump(mode="json"))
    assert again.warnings == result.warnings
    assert again.publication_check == result.publication_check


def as_2_0_0(document):
    """The document as release 2.0.0 wrote it: texts only."""
    old = {name: value for name, value in document.items() if name not in ("warnings", "foreign_processes")}
    old["publication_check"] = {name: old["publication_check"][name] for name in ("passed", "failed")}
    return old


def test_a_file_of_2_0_0_keeps_its_texts_and_is_not_taken_apart():
    new = a_result().model_dump(mode="json")
    old = ExperimentResult.model_validate(as_2_0_0(new))
    assert list(old.measurement_warnings) == new["measurement_warnings"]
    assert {(each.code, each.remedy) for each in old.warnings} == {("", "")}
    assert list(old.publication_check.failed) == new["publication_check"]["failed"]
    assert "short_measurement_duration: the window lasted" in old.summary()


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"measurement_warnings": 5}, "measurement_warnings"),
        ({"measurement_warnings": [5]}, "warnings.0.sentence"),
        ({"publication_check": {"passed": 5, "failed": []}}, "publication_check.rules"),
    ],
)
def test_texts_of_another_type_are_refused(changed, place):
    with pytest.raises(ValidationError, match=place):
        ExperimentResult.model_validate({**as_2_0_0(a_result().model_dump(mode="json")), **changed})
