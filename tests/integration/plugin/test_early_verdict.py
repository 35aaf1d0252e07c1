"""Reading a verdict before the end of a test changes no verdict."""

from __future__ import annotations

import json

import pytest

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("torch_is_loaded")]

USUAL = [10.0, 10.1, 9.9]
MORE = [1.2 * joules for joules in USUAL]
# A control that measures two configurations, of which only the first moved; then a test that moved with it.
SUITE = """
@pytest.mark.llem(TINY, control=True)
def test_control(llm_experiment):
    moved, unmoved = llm_experiment(), llm_experiment(random_seed=2)
    {reads}

@pytest.mark.llem(TINY)
def test_load(llm_experiment):
    run = llm_experiment()
    {reads_run}
"""
EARLY = {"reads": "unmoved.verdict, moved.verdict, unmoved.verdict", "reads_run": "run.verdict, run.found"}
LATE = {"reads": "pass", "reads_run": "pass"}


def recorded(suite, name, control, load):
    windows = {"test_suite.py::test_control": control, "test_suite.py::test_load": load}
    suite.write(name, json.dumps({"windows": windows}))
    return f"--llem-energy=replay:{name}"


def verdicts(suite):
    return {each["id"]: each["verdict"] for test in suite.report()["tests"] for each in test["experiments"]}


@pytest.fixture
def controlled(suite):
    """A suite with a baseline of both tests."""
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.tests(SUITE.format(**LATE))
    replay = recorded(suite, "before.json", [*USUAL, *USUAL], USUAL)
    suite.run(replay, "--llem-update-baseline=new").assert_outcomes(passed=2)
    return suite


@pytest.mark.parametrize("reads", [LATE, EARLY], ids=["late", "early"])
def test_what_a_control_saw_counts_whenever_its_verdict_is_read(controlled, reads):
    controlled.tests(SUITE.format(**reads))
    replay = recorded(controlled, "now.json", [*MORE, *USUAL], MORE)
    controlled.run(replay, "--llem-json=report.json").assert_outcomes(passed=2)
    assert verdicts(controlled)["test_suite.py::test_load"] == "not-comparable"


@pytest.mark.parametrize("reads", [LATE, EARLY], ids=["late", "early"])
def test_a_regression_is_measured_again_whenever_its_verdict_is_read(controlled, reads):
    controlled.tests(SUITE.format(**reads))
    replay = recorded(controlled, "now.json", [*USUAL, *USUAL], [*MORE, *(0.95 * joules for joules in USUAL)])
    controlled.run(replay, "--llem-json=report.json").assert_outcomes(passed=2)
    (look,) = (each["second_look"] for test in controlled.report()["tests"][1:] for each in test["experiments"])
    assert look == "measured again from the recording: 3 more repeats, pooled"
