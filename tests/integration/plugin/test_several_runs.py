"""Reports distinguish several experiments of one test. Overrides work without a config. A gate needs at least three repeats."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.torch

USUAL = (10.0, 10.1, 9.9)
MORE = tuple(1.2 * joules for joules in USUAL)
SWEEP = """
@pytest.mark.llem(TINY)
def test_sweep(llm_experiment):
    llm_experiment()
    llm_experiment(random_seed=2)
    llm_experiment({"pytorch.batch_size": 2}, random_seed=2)
    llm_experiment(random_seed=2)
"""


def test_every_report_distinguishes_the_runs_of_a_test(suite, quick):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.tests(SWEEP)
    first = suite.forked(quick, suite.replay(*USUAL * 4), "--llem-update-baseline=new")
    first.assert_outcomes(passed=1)
    (by_hash,) = suite.baseline()["entries"].values()
    assert len(by_hash) == 3
    assert [len(entry["sessions"]) for entry in by_hash.values()] == [1, 1, 1]
    now = suite.replay(*USUAL, *MORE, *USUAL, *USUAL, *MORE)
    result = suite.forked(quick, now, "--llem-json=report.json", "--junitxml=junit.xml")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["with random_seed=2:", "regression: energy_per_output_token 5 -> 6 J/token*", "*1 regression, *0 not measured"]
    )
    labels = [None, "random_seed=2", "pytorch.batch_size=2, random_seed=2", "random_seed=2, run 4"]
    (test,) = suite.report()["tests"]
    assert [each["label"] for each in test["experiments"]] == labels
    for label in labels[1:]:
        result.stdout.fnmatch_lines([f"*test_suite.py::test_sweep ({label})"])
    names = re.findall(r'name="(llem.verdict[^"]*)"', (suite.path / "junit.xml").read_text())
    assert names == ["llem.verdict", *(f"llem.verdict[{label}]" for label in labels[1:])]


def test_overrides_apply_to_what_the_test_passes(suite, quick):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.tests(
        """
@pytest.mark.llem(overrides={"pytorch.batch_size": 2, "random_seed": 7})
def test_it(llm_experiment):
    fields = {**TINY, "max_output_tokens": 3, "min_output_tokens": None}
    run = llm_experiment(fields)
    assert (run.config.pytorch.batch_size, run.config.random_seed, run.config.max_output_tokens) == (2, 7, 3)
    assert llm_experiment(fields, random_seed=8).config.random_seed == 8

@pytest.mark.llem(overrides=TINY)
def test_that_override_everything(llm_experiment):
    assert llm_experiment().config.n == TINY["n"]
"""
    )
    suite.forked(quick, suite.replay(*USUAL, *USUAL)).assert_outcomes(passed=2)


def test_too_few_repeats_are_refused_under_a_gate(suite, quick):
    suite.write("few.llem.yaml", "experiments: {a: {model: builtin/tiny-llama, repeats: 1}}\n")
    suite.tests(
        """
@pytest.mark.llem(TINY, repeats=2)
def test_gated(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY, repeats=2, fail_on={}, budget={"energy_total_j": 100})
def test_within_budget(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY, repeats=2, gate=False)
def test_measured_only(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY)
def test_usual(llm_experiment):
    llm_experiment()
"""
    )
    arguments = (suite.replay(*USUAL), "--llem-repeats=1", "--continue-on-collection-errors")
    result = suite.forked(quick, *arguments)
    result.assert_outcomes(passed=1, errors=4)
    fix = "a verdict needs at least 3; raise it, or set gate=False to measure without a verdict"
    for place in ("test_suite.py:5: repeats: 2", "test_suite.py:9: repeats: 2", "--llem-repeats or llem_repeats: 1"):
        assert f"{place} is too few: {fix}" in result.outlines
    result.stdout.fnmatch_lines(["few.llem.yaml, line 1, column *: repeats: 1 is too few*"])


def test_a_relative_path_starts_where_the_command_does_and_a_setting_at_the_root(suite, quick):
    suite.write(
        "pytest.ini", "[pytest]\nllem_repeats = 3\nllem_baseline_dir = of-the-ini\nllem_energy = replay:root.json\n"
    )
    suite.tests("@pytest.mark.llem(TINY)\ndef test_it(llm_experiment):\n    llm_experiment()\n", "sub/test_it.py")
    suite.replay(*USUAL, name="root.json")
    suite.replay(*USUAL, name="sub/here.json")
    suite.monkeypatch.chdir(suite.path / "sub")
    suite.forked(quick, "--llem-update-baseline=new").assert_outcomes(passed=1)
    options = (
        "--llem-energy=replay:here.json",
        "--llem-baseline-dir=base",
        "--llem-output-dir=out",
        "--llem-json=report.json",
    )
    suite.forked(quick, *options, "--llem-update-baseline=new").assert_outcomes(passed=1)
    made = sorted(path.relative_to(suite.path).parts[0] for path in suite.path.glob("*") if path.is_dir())
    assert made == [".llem", "of-the-ini", "sub"]
    assert {path.name for path in (suite.path / "sub").iterdir()} >= {"base", "out", "report.json"}
