"""An error of configuration is data: problem, fix and place; its text is made of them."""

from __future__ import annotations

import pickle

from llenergymeasure.exceptions import ConfigError


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
