"""GitHub Actions: every red test is annotated at its place in the repository, and stands in the table with its cause."""

from __future__ import annotations

import html
import json

import pytest

pytestmark = pytest.mark.torch

USUAL = [10.0, 10.1, 9.9]
MORE = [1.2 * joules for joules in USUAL]
CAUSES = (
    "regression: energy_per_output_token 5 -> 6 J/token, +20%25",
    "AssertionError: on purpose%0Aassert 1 == 2",
    "Failed: tests/test_suite.py:14: llem has no argument 'repaets'",
    "stale baseline: energy_per_output_token 6 J/token (old configuration: 5); limit 5%25%0A  the configuration changed since",
    "interrupted: the run ended before the test did",
    "broken.llem.yaml, line 1, column 15: model: is missing",
)
SUITE = """
@pytest.mark.llem(TINY)
def test_regressed(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY)
def test_asserting(llm_experiment):
    llm_experiment()
    assert 1 == 2, "on purpose"

@pytest.mark.llem(TINY, repaets=3)
def test_misspelt(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY, overrides={"random_seed": 7})
def test_of_another_configuration(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY)
def test_interrupted(llm_experiment):
    raise KeyboardInterrupt

def test_plain():
    assert False
"""


@pytest.fixture
def project(suite):
    """A project in a folder of the repository, with a baseline."""
    suite.monkeypatch.setenv("GITHUB_WORKSPACE", str(suite.path))
    folder = suite.path / "project"
    suite.write("project/pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.tests(SUITE.replace("random_seed", "n").replace('"n": 7', '"n": 1'), "project/tests/test_suite.py")
    suite.monkeypatch.chdir(folder)
    return suite


def test_every_red_test_is_annotated_and_in_the_table(project, quick):
    choice = "regressed or configuration"
    new = project.forked(quick, recorded(project, USUAL), "-k", choice, "--llem-update-baseline=new")
    new.assert_outcomes(passed=2, deselected=4)
    project.tests(SUITE, "project/tests/test_suite.py")
    project.write("project/broken.llem.yaml", "experiments: {a: {modle: x}}\n")
    project.write("summary.md", "")
    project.monkeypatch.setenv("GITHUB_ACTIONS", "true")
    project.monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project.path / "summary.md"))
    arguments = (recorded(project, [*MORE, *MORE]), "--continue-on-collection-errors", "--llem-strict")
    result = project.forked(quick, *arguments)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    places = {
        "tests/test_suite.py::test_regressed": ("project/tests/test_suite.py", 5),
        "tests/test_suite.py::test_asserting": ("project/tests/test_suite.py", 9),
        "tests/test_suite.py::test_misspelt": ("project/tests/test_suite.py", 14),
        "tests/test_suite.py::test_of_another_configuration": ("project/tests/test_suite.py", 18),
        "tests/test_suite.py::test_interrupted": ("project/tests/test_suite.py", 22),
        "broken.llem.yaml": ("project/broken.llem.yaml", 1),
    }
    causes = dict(zip(places, CAUSES))
    annotations = [line for line in result.outlines if line.startswith("::error")]
    (without,) = [line for line in result.outlines if line.startswith("::warning")]
    assert "test_asserting::new: no baseline yet in llem-baselines" in without
    for test, (file, line) in places.items():
        title = test.replace(":", "%3A")
        start = f"::error file={file},line={line},title=llem%3A {title}::{causes[test]}"
        assert len([each for each in annotations if each.startswith(start)]) == 1, (start, annotations)
    assert annotations[len(places) :] == [
        "::error title=llem::--llem-strict: the run ended before all of its tests did"
    ]
    regressed = annotations[1]
    assert "%0A  warning energy_simulated: 11.9 J were replayed" in regressed
    assert "random_seed 42 -> 7" in next(each for each in annotations if "::stale" in each)
    rows = (project.path / "summary.md").read_text().splitlines()[4:]
    shown = [html.unescape(row).split(" | ") for row in rows if row.startswith("|")]
    items = [html.unescape(row) for row in rows if row.startswith("- ")]
    assert {(row[0].strip("| "), row[-1].strip("| ")) for row in shown} == {
        ("error", "broken.llem.yaml"),
        ("regression", "tests/test_suite.py::test_regressed"),
        ("new", "tests/test_suite.py::test_asserting"),
        ("failed", "tests/test_suite.py::test_asserting"),
        ("error", "tests/test_suite.py::test_misspelt"),
        ("stale", "tests/test_suite.py::test_of_another_configuration"),
        ("interrupted", "tests/test_suite.py::test_interrupted"),
    }
    regressed_row = next(row for row in shown if row[0].startswith("| regression"))
    assert regressed_row[2] == "5 -> 6 J/token; limit 5%"
    of_another = next(row for row in shown if row[0].startswith("| stale"))
    assert "random_seed 42 -> 7" in of_another[4]
    assert of_another[2] == "6 J/token (old configuration: 5); limit 5%"
    assert "simulated: recorded joules" in regressed_row[4]
    assert [item.count("low_prompt_count") for item in items].count(1) == 1


def test_a_module_that_cannot_be_imported_is_annotated(suite):
    suite.monkeypatch.setenv("GITHUB_ACTIONS", "true")
    suite.monkeypatch.setenv("GITHUB_WORKSPACE", str(suite.path))
    suite.tests("import no_such_package\n", "tests/test_broken.py")
    result = suite.run("--llem-energy=null")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    (annotation,) = [line for line in result.outlines if line.startswith("::")]
    assert annotation.startswith("::error file=tests/test_broken.py,line=1,title=llem%3A tests/test_broken.py::")
    assert "No module named 'no_such_package'" in annotation


def test_what_fails_the_run_beside_its_tests_is_annotated(suite):
    suite.write("a-file", "")
    suite.monkeypatch.setenv("GITHUB_ACTIONS", "true")
    suite.tests("def test_it(energy_meter):\n    pass\n")
    result = suite.run("--llem-energy=null", "--llem-json=a-file/report.json")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    (annotation,) = [line for line in result.outlines if line.startswith("::")]
    assert annotation.startswith("::error title=llem::--llem-json: ")


def recorded(project, joules):
    project.write(
        "project/joules.json", json.dumps({"windows": {"*": joules}, "fingerprint": {"cpu": "a", "cpu_count": 2}})
    )
    return "--llem-energy=replay:joules.json"
