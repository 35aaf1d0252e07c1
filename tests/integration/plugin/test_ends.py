"""The end of a run: a file that cannot be written is one line, the verdicts are still shown, and every result is kept."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.torch

USUAL = (10.0, 10.1, 9.9)
MORE = tuple(1.2 * joules for joules in USUAL)


def test_what_cannot_be_written_is_one_line_each_and_the_verdicts_are_shown(suite, quick):
    """A file in the place of a folder, and a folder in the place of a file: also root cannot write there."""
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.one_test()
    suite.write("file", "")
    suite.write("folder/file", "")
    suite.monkeypatch.setenv("GITHUB_ACTIONS", "true")
    suite.monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(suite.path / "folder"))
    result = suite.forked(quick, suite.replay(*USUAL), "--llem-output-dir=file/out", "--llem-json=file/report.json")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["new *energy_per_output_token*test_suite.py::test_energy"])
    problems = [line for line in result.outlines if line.startswith("ERROR: ")]
    assert problems == [
        f"ERROR: results cannot be written below {suite.path}/file/out: Not a directory; use --llem-output-dir=DIR",
        "ERROR: the step summary of GitHub cannot be written: Is a directory",
        f"ERROR: --llem-json: {suite.path}/file/report.json cannot be written: File exists",
    ]
    everything = result.stdout.str() + result.stderr.str()
    assert "Traceback" not in everything
    assert "INTERNALERROR" not in everything


def test_a_candidate_of_windows_alone_that_cannot_be_written_is_one_line(suite):
    """Windows write no results, so the candidate is the first file of the folder."""
    suite.write("file", "")
    suite.tests(
        """
def test_it(energy_meter):
    for window in energy_meter.window("sum", gate={"energy_j": "5%"}, repeats=3):
        with window:
            sum(range(100))
"""
    )
    result = suite.run(suite.replay(*USUAL), "--llem-output-dir=file/out")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert [line for line in result.outlines if line.startswith("ERROR: ")] == [
        f"ERROR: results cannot be written below {suite.path}/file/out: Not a directory; use --llem-output-dir=DIR"
    ]
    (head,) = (number for number, line in enumerate(result.outlines) if " llem ===" in line)
    assert result.outlines[head + 1].startswith("new ")


def test_values_that_json_cannot_represent_are_written_as_null_or_text(suite):
    suite.write(
        "test_window.py",
        """
def test_it(energy_meter):
    with energy_meter.window(("decode", 1), output_tokens=float("nan")):
        pass
""",
    )
    result = suite.run("--llem-energy=null", "--llem-json=report.json")
    result.assert_outcomes(passed=1)
    ((window,),) = (test["windows"] for test in suite.report()["tests"])
    assert (window["name"], window["output_tokens"]) == (["decode", 1], None)


LATER = """
import time

real = time.gmtime

def pytest_collection_finish():
    time.gmtime = lambda: real(4e9)  # in 2096

def pytest_unconfigure():
    time.gmtime = real
"""


def test_the_report_has_the_time_at_which_the_run_started(suite):
    suite.write("conftest.py", LATER)
    suite.tests("def test_it():\n    pass\n")
    suite.run("--llem-json=report.json")
    assert not suite.report()["started"].startswith("2096")


def test_every_result_is_kept_whatever_the_ids_and_a_second_look_too(suite, quick):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.tests(
        """
@pytest.mark.llem(TINY)
@pytest.mark.parametrize("x", ["a/b", "a-b", "a b"])
def test_it(llm_experiment, x):
    llm_experiment()
    llm_experiment(random_seed=2)
"""
    )
    before = suite.replay(*USUAL, *USUAL)
    suite.forked(quick, before, "--llem-update-baseline=new", "--llem-output-dir=first").assert_outcomes(passed=3)
    assert len(list(suite.path.glob("first/*/*test_it*.json"))) == 3 * 2 * 3
    again = {"test_suite.py::test_it[a b]": [*MORE, *USUAL, *MORE]}
    result = suite.forked(quick, suite.replay(*USUAL, *USUAL, **again), "--llem-json=report.json")
    result.assert_outcomes(passed=2, failed=1)
    files = list(suite.path.glob(".llem/*/*test_it*.json"))
    assert len(files) == 3 * 2 * 3 + 3
    listed = [name for test in suite.report()["tests"] for each in test["experiments"] for name in each["results"]]
    assert sorted(listed) == sorted(str(path) for path in files)
    joules = sorted(json.loads(path.read_text())["energy_total_j"] for path in files)
    assert joules == pytest.approx(sorted([*USUAL] * 5 + [*MORE] * 2))
