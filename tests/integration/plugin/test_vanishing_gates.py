"""A gate cannot vanish: under `--llem-strict` a run in which nothing was measured, or of which tests are missing, fails."""

from __future__ import annotations

import pytest

from a_baseline import HASH, a_file, an_entry
from pytest_llem.baseline.folder import dumps

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("torch_is_loaded")]

USUAL = (10.0, 10.1, 9.9)
FIRST = "@pytest.mark.llem(TINY)\ndef test_first(llm_experiment):\n    llm_experiment()\n"
SECOND = """
@pytest.mark.llem(TINY, overrides={"random_seed": 2})
@pytest.mark.parametrize("size", [1])
def test_second(llm_experiment, size):
    llm_experiment()
"""
NAMED = FIRST.replace("TINY", "TINY, id='decode'").replace("test_first", "test_named")
HEAD = "baseline without a collected test: "
STRICT = ("--llem-strict", "--llem-json=report.json")


@pytest.fixture
def three(suite):
    """Tests in three files, and a baseline of each on a machine of its own."""
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.tests(FIRST, "test_a.py")
    suite.tests(SECOND, "sub/test_b.py")
    suite.tests(NAMED, "test_c.py")
    ids = ("test_a.py::test_first", "sub/test_b.py::test_second[1]", "decode")
    suite.write("llem-baselines/a.json", dumps(a_file({test_id: {HASH: an_entry()} for test_id in ids})))
    return suite


def unclaimed(suite, *arguments):
    """The entries that a dry run lists as without a test."""
    result = suite.run("--llem-dry-run", *arguments, llem=False)
    assert result.ret in (0, pytest.ExitCode.NO_TESTS_COLLECTED), result.stdout.str()
    lines = [line for line in result.outlines if line.startswith(HEAD)]
    assert all(line.endswith(" in llem-baselines/a.json") for line in lines)
    return [line.removeprefix(HEAD).rpartition(" in ")[0] for line in lines]


def test_every_entry_has_its_test(three):
    assert unclaimed(three) == []


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        (lambda suite: (suite.path / "test_c.py").unlink(), "decode"),
        (lambda suite: (suite.path / "sub" / "test_b.py").rename(suite.path / "b.py"), "sub/test_b.py::test_second[1]"),
        (lambda suite: suite.tests(SECOND.replace("[1]", "[2]"), "sub/test_b.py"), "sub/test_b.py::test_second[1]"),
        (lambda suite: suite.tests("pytest.importorskip('missing')\n" + FIRST, "test_a.py"), "test_a.py::test_first"),
        (lambda suite: suite.tests("def test_first():\n    pass\n", "test_a.py"), "test_a.py::test_first"),
    ],
    ids=["deleted", "not collected any more", "another parameter", "its module is skipped", "no experiment any more"],
)
def test_an_entry_without_a_test_is_listed_whatever_is_selected(three, change, missing):
    change(three)
    assert unclaimed(three) == [missing]
    assert unclaimed(three, "-k", "nothing") == [missing]


def test_what_cannot_be_collected_is_no_loss(three):
    three.tests("import missing_module\n", "test_a.py")
    result = three.run("--llem-dry-run", "--continue-on-collection-errors", llem=False)
    result.assert_outcomes(errors=1, skipped=2)
    assert HEAD not in result.stdout.str()


@pytest.mark.parametrize(
    "arguments",
    [
        ["-k", "first"],
        ["--deselect", "sub/test_b.py"],
        ["-m", "llem", "-k", "first"],
        ["test_a.py"],
        ["test_a.py::test_first"],
        ["test_a.py", "test_c.py"],
        ["--ignore=sub"],
        ["--ignore-glob=*/sub/*"],
    ],
)
def test_a_selection_of_tests_is_no_loss(three, arguments):
    assert unclaimed(three, *arguments) == []


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (["sub", "test_a.py"], ["sub/test_b.py::test_second[1]"]),
        (["sub/test_b.py", "test_a.py"], ["sub/test_b.py::test_second[1]"]),
        (["sub/test_b.py::test_other", "test_a.py"], []),
        (["test_a.py"], []),
        (["."], ["decode", "sub/test_b.py::test_second[1]"]),
    ],
)
def test_of_a_part_of_the_suite_only_its_own_entries_can_be_missing(three, arguments, missing):
    three.tests("def test_other():\n    pass\n", "sub/test_b.py")
    (three.path / "test_c.py").unlink()
    assert unclaimed(three, *arguments) == missing


def test_a_strict_run_that_measured_nothing_fails(three):
    three.tests(FIRST.replace("@pytest", "@pytest.mark.skip\n@pytest"), "test_a.py")
    three.tests("def test_plain():\n    pass\n", "test_plain.py")
    result = three.run(*STRICT, "-k", "first or plain")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["ERROR: --llem-strict: nothing was measured"])
    three.run("-k", "first or plain").assert_outcomes(passed=1, skipped=1, deselected=2)


def test_a_strict_run_that_ended_early_fails_whatever_exit_code_it_chose(three):
    three.write(
        "conftest.py", "import pytest\ndef pytest_runtest_logfinish():\n    pytest.exit('enough', returncode=0)\n"
    )
    assert three.run(three.replay(*USUAL), *STRICT).ret == 1
    assert three.report()["baselines"]["problems"] == ["--llem-strict: the run ended before all of its tests did"]


@pytest.mark.parametrize("option", ["--collect-only", "--fixtures", "--llem-dry-run"])
def test_strict_does_not_fail_where_nothing_is_to_be_run(three, option):
    assert three.run("--llem-strict", option).ret == 0


def test_windows_alone_are_a_measurement(suite):
    suite.tests("def test_window(energy_meter):\n    with energy_meter.window('work'):\n        pass\n")
    assert suite.run(suite.replay(5.0), "--llem-strict").ret == 0


def test_a_test_with_windows_does_not_replace_one_with_a_longer_name(suite):
    suite.tests("def test_work(energy_meter):\n    pass\n", "test_a.py")
    ids = ("test_a.py::test_work::decode", "test_a.py::test_work_of_two::decode")
    suite.write("llem-baselines/a.json", dumps(a_file({test_id: {HASH: an_entry()} for test_id in ids})))
    assert unclaimed(suite) == ["test_a.py::test_work_of_two::decode"]


def test_strict_without_llem_is_a_usage_error_unless_it_is_in_the_configuration(three):
    result = three.run("--llem-strict", llem=False)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--llem-strict: nothing is measured without --llem; add it" in result.stderr.str()
    three.write("pytest.ini", "[pytest]\naddopts = --llem-strict\n")
    assert three.run(llem=False).ret == 0


@pytest.mark.parametrize(
    ("folder", "shown"), [("llem-baselines", "llem-baselines"), ("typo", "typo, which does not exist")]
)
def test_no_baseline_yet_names_the_folder_that_was_searched(three, folder, shown):
    three.tests(FIRST.replace("test_first", "test_added"), "test_added.py")
    arguments = (three.replay(*USUAL), f"--llem-baseline-dir={folder}", "-k", "added")
    three.run(*arguments).stdout.fnmatch_lines([f"*no baseline yet in {shown}; --llem-update-baseline=new writes one"])
    three.run(*arguments, "--llem-dry-run").stdout.fnmatch_lines([f"*test_added:*no baseline in {shown}"])


def test_a_deleted_test_fails_a_strict_run_in_a_process_of_its_own(three, run):
    """Of the machine that measures; the entries of the other machine say nothing about this run."""
    (three.path / "test_c.py").unlink()
    assert run(three.path, three.replay(*USUAL), "--llem-update-baseline=new")[0] == 0
    (three.path / "test_a.py").unlink()
    code, out = run(three.path, three.replay(*USUAL), *STRICT)
    assert code == 1, out
    assert (
        "ERROR: --llem-strict: baselines without a collected test: 1; restore the tests, or remove the entries" in out
    )
    assert [each["id"] for each in three.report()["baselines"]["unclaimed"]] == ["test_a.py::test_first"]
    assert run(three.path, three.replay(*USUAL))[0] == 0
