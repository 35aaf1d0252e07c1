"""An error of configuration is data: problem, fix and place; its text is made of them."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import pytest

from llenergymeasure.exceptions import (
    BackendError,
    ConfigError,
    ExperimentError,
    Finding,
    PreFlightError,
    StudyError,
)


def test_a_text_is_place_problem_and_fix():
    error = ConfigError("not UTF-8", "save the file as UTF-8 text", source="a.yaml", line=3, column=5)
    assert str(error) == "a.yaml, line 3, column 5: not UTF-8; save the file as UTF-8 text"
    assert (error.problem, error.fix) == ("not UTF-8", "save the file as UTF-8 text")
    assert error.located == "a.yaml, line 3, column 5: not UTF-8"


def test_a_problem_may_be_all_there_is():
    assert str(ConfigError("b is no a; so it seems")) == "b is no a; so it seems"
    assert ConfigError("b is no a; so it seems").fix == ""


def test_a_single_problem_stays_itself():
    error = ConfigError("n is 0", source="a.yaml", line=1)
    assert ConfigError.of([error], "a.yaml") is error


def test_a_problem_from_elsewhere_names_its_place_in_the_list():
    problems = [ConfigError("n is 0", source="a.yaml", line=2), ConfigError("m is empty", source="--model")]
    assert str(ConfigError.of(problems, "a.yaml")) == "2 problems in a.yaml\n- line 2: n is 0\n- --model: m is empty"
    assert str(ConfigError.of(problems[1:] * 2, "a.yaml")).startswith("2 problems\n- --model: m is empty\n")


@pytest.mark.parametrize(("count", "last"), [(10, "- problem 9"), (11, "- and 1 more"), (34, "- and 24 more")])
def test_at_most_ten_problems_are_listed_and_then_their_number(count, last):
    problems = [ConfigError(f"problem {number}", source="a.yaml") for number in range(count)]
    lines = str(ConfigError.of(problems, "a.yaml")).split("\n")
    assert lines[0] == f"{count} problems in a.yaml"
    assert lines[10] == "- problem 9"
    assert lines[-1] == last


def test_at_most_ten_findings_and_failed_experiments_are_listed():
    findings = str(PreFlightError([Finding(f"problem {number}", "fix it") for number in range(12)]))
    assert findings.startswith("12 problems found before the run; nothing was started\n1. problem 0\n  fix: fix it\n")
    assert findings.endswith("10. problem 9\n  fix: fix it\nand 2 more")
    failed = [ExperimentError(SimpleNamespace(model="m"), BackendError(f"error {number}")) for number in range(12)]
    assert str(StudyError(failed, [])).endswith("- experiment with m failed: error 9\n- and 2 more")


def test_several_problems_have_a_head_and_keep_their_data():
    problems = [ConfigError("n is 0", "raise it", source="a.yaml", line=2), ConfigError("m is empty", source="a.yaml")]
    error = ConfigError.of(problems, "a.yaml")
    assert str(error) == "2 problems in a.yaml\n- line 2: n is 0; raise it\n- m is empty"
    assert error.problems == tuple(problems)


def test_a_source_can_be_named_otherwise():
    error = ConfigError("n is 0", "raise it", source="/long/way/a.yaml", line=2)
    assert str(error.named("a.yaml")) == "a.yaml, line 2: n is 0; raise it"
    nowhere = ConfigError("n is 0")
    assert nowhere.named("a.yaml") is nowhere


def test_an_error_survives_the_way_between_processes():
    error = ConfigError("n is 0", "raise it", source="a.yaml", line=2)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.problem, again.fix, again.line) == (str(error), "n is 0", "raise it", 2)
