"""What a pipeline sees: a baseline is written, held against, and a real change is a failure."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("torch_is_loaded")]

USUAL = (10.0, 10.1, 9.9, 10.05, 9.95)


def times(factor):
    return [factor * joules for joules in USUAL]


@pytest.fixture
def gated(suite):
    """A suite with one session as its baseline."""
    suite.one_test()
    suite.run(suite.replay(*USUAL), "--llem-update-baseline=new").assert_outcomes(passed=1)
    return suite


def test_a_first_run_passes_as_new_and_names_the_flag(suite):
    suite.one_test()
    result = suite.run(suite.replay(*USUAL))
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*new*energy_per_output_token*5 J/token*", "*--llem-update-baseline=new*"])


def test_twenty_per_cent_more_fails_with_ratio_interval_and_commit(gated):
    result = gated.run(gated.replay(*times(1.2)), "--junitxml=junit.xml", "--llem-json=report.json")
    assert result.ret == 1
    result.assert_outcomes(failed=1)
    text = result.stdout.str()
    assert "regression: energy_per_output_token 5 -> 6 J/token, +20% (+1" in text
    assert "Traceback" not in text
    assert 'failures="1"' in (gated.path / "junit.xml").read_text()
    (test,) = gated.report()["tests"]
    assert test["experiments"][0]["verdict"] == "regression"


def test_two_per_cent_more_passes(gated):
    gated.run(gated.replay(*times(1.02))).assert_outcomes(passed=1)
