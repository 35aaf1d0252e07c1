"""Fixtures and plugins around experiments: autouse fixtures, hypothesis, and `-p no:llem`."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import pytest

USUAL = (10.0, 10.1, 9.9)
CLASS = """
class TestGroup:
    @pytest.fixture(autouse=True)
    def prepared(self, llm_experiment):
        self.measure = llm_experiment

    @pytest.mark.llem(TINY)
    def test_measuring(self):
        self.measure()

    def test_of_something_else(self):
        pass

    @pytest.mark.llem(TINY)
    def test_forgotten(self):
        pass

@pytest.fixture
def measured(llm_experiment):
    return llm_experiment

def test_forgotten_through_a_fixture(measured):
    pass
"""
HYPOTHESIS = """
from hypothesis import HealthCheck, Phase, given, settings, strategies

@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], phases=[Phase.generate],
    deadline=None, derandomize=True, max_examples=3,
)
@given(n=strategies.integers(1, 4))
@pytest.mark.llem(config=TINY, gate=False)
def test_every_prompt_is_answered(llm_experiment, n):
    run = llm_experiment(n=n)
    assert run.result.output_tokens == 2 * n
"""


@pytest.mark.torch
def test_an_autouse_fixture_of_a_class_does_not_fail_its_other_tests(suite, quick):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.tests(CLASS)
    result = suite.forked(quick, suite.replay(*USUAL), "-rA")
    result.assert_outcomes(passed=2, failed=2)
    shown = result.stdout.str()
    assert shown.count("llm_experiment was requested but never called: nothing was measured") >= 2
    for name in ("TestGroup::test_forgotten", "test_forgotten_through_a_fixture"):
        assert f"FAILED test_suite.py::{name}" in shown


@pytest.mark.torch
def test_a_test_of_hypothesis_measures_each_of_its_examples(suite, quick):
    pytest.importorskip("hypothesis")
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.tests(HYPOTHESIS)
    result = suite.forked(quick, suite.replay(*USUAL * 6), "--llem-json=report.json", "--llem-update-baseline=new")
    result.assert_outcomes(passed=1)
    (test,) = suite.report()["tests"]
    labels = [each["label"] for each in test["experiments"]]
    assert len(labels) == len(set(labels)) == 3
    again = suite.forked(quick, suite.replay(*USUAL * 6), "--llem-json=again.json", "--llem-strict")
    again.assert_outcomes(passed=1)
    (test,) = suite.report("again.json")["tests"]
    assert [each["label"] for each in test["experiments"]] == labels


def test_with_the_plugin_switched_off_suites_are_skipped(suite):
    suite.write("pytest.ini", "[pytest]\naddopts = --strict-markers --strict-config --llem\nllem_repeats = 3\n")
    suite.write("conftest.py", "def pytest_llem_verdict(item, verdict):\n    pass\n")
    suite.write("energy.llem.yaml", "experiments: {a: {model: builtin/tiny-llama}}\n")
    suite.tests(
        """
@pytest.mark.llem(TINY)
def test_marked(llm_experiment):
    llm_experiment()

def test_of_the_fixture(llm_experiment):
    llm_experiment()

def test_of_any_code(energy_meter):
    assert energy_meter.name

def test_plain():
    pass
"""
    )
    loaded = entry_points(group="pytest11", name="llem-switched-off")
    by_hand = () if loaded else ("-p", "pytest_llem.hooks.switched_off")
    command = (sys.executable, "-m", "pytest", *by_hand, "-p", "no:llem", "-rs")
    result = suite.pytester.run(*command, "test_suite.py", "energy.llem.yaml")
    result.assert_outcomes(passed=1, skipped=4)
    suite.pytester.run(*command, "energy.llem.yaml::a", "energy.llem.yaml::b").assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["SKIPPED*measures an LLM experiment, and -p no:llem switches the plugin off"])
