"""`--llem-accept-baseline` changes the selected tests once, and reports the changes."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess

import pytest

from a_baseline import HASH, a_file, a_session, an_entry
from pytest_llem.baseline.candidate import Candidate, Source
from pytest_llem.baseline.folder import dumps

NAMES = ("regression", "other", "ok")
TESTS = "".join(
    f"@pytest.mark.llem(TINY, overrides={{'random_seed': {seed}}})\ndef test_{name}(llm_experiment):\n    llm_experiment()\n\n"
    for seed, name in enumerate(NAMES)
)
LATER = "2026-11-02T12:00:00Z"


def node(name):
    return f"tests/test_suite.py::test_{name}"


def entries_of(joules, date, sessions=1):
    entry = an_entry(*[a_session(joules, date=date)] * sessions)
    return {node(name): {HASH: entry} for name in NAMES}


@pytest.fixture
def folder(suite):
    """A baseline of three tests with two sessions each, and a candidate in which two of the tests were not ok."""
    suite.tests(TESTS, "tests/test_suite.py")
    suite.write("pytest.ini", "[pytest]\n")
    suite.write("llem-baselines/a.json", dumps(a_file(entries_of(10.0, "2026-11-01T12:00:00Z", sessions=2))))
    candidate(suite)
    return suite


def candidate(suite, joules=12.0, date=LATER):
    verdicts = {"regression": "regression", "other": "regression", "ok": "ok"}
    sources = {
        (node(name), HASH): Source(node(name), verdict, ("energy_per_output_token",))
        for name, verdict in verdicts.items()
    }
    suite.write("candidate.json", dumps(Candidate(a_file(entries_of(joules, date)), sources)))


def accept(suite, *arguments):
    result = suite.run("--llem-accept-baseline=candidate.json", *arguments, llem=False)
    return result, [
        line for line in result.outlines if re.match("(replaced|appended|refused|new|kept|nothing|not in)", line)
    ]


def joules(suite):
    """Sessions by test, each as its joules per token."""
    return {
        test.partition("test_suite.py::test_")[2]: [
            session["samples"]["energy_per_output_token"][0]
            for entry in by_hash.values()
            for session in entry["sessions"]
        ]
        for test, by_hash in suite.baseline()["entries"].items()
    }


OLD, NEW = [10.0, 10.0], [12.0]


def test_by_default_what_was_not_ok_is_accepted_with_old_and_new_values_and_sessions(folder):
    result, lines = accept(folder)
    assert result.ret == 0
    assert lines == [
        f"replaced: {node(name)}: energy_per_output_token 10 -> 12 J/token (+20%); sessions 2 -> 1"
        for name in ("other", "regression")
    ]
    result.stdout.fnmatch_lines(["left out: 1 that were ok; name a test by its node id to accept it anyway"])
    assert joules(folder) == {"regression": NEW, "other": NEW, "ok": OLD}


@pytest.mark.parametrize(
    ("arguments", "accepted"),
    [
        ([node("regression")], {"regression"}),
        ([node("ok")], {"ok"}),
        (["-k", "regression or ok"], {"regression"}),
        (["tests"], {"regression", "other"}),
        (["--deselect", node("other")], {"regression"}),
        (["-m", "llem", "-k", "not regression"], {"other"}),
        (["-o", "addopts=--llem", "-k", "other"], {"other"}),
    ],
)
def test_a_selection_touches_the_selected_tests_only(folder, arguments, accepted):
    result, _ = accept(folder, *arguments)
    assert result.ret == 0
    assert joules(folder) == {name: NEW if name in accepted else OLD for name in NAMES}
    assert not (folder.path / ".llem").exists()


def test_no_candidate_is_accepted_twice(folder):
    assert accept(folder)[0].ret == 0
    before = folder.baseline()
    result, lines = accept(folder)
    assert result.ret == 1
    assert lines[1] == (
        f"refused: {node('regression')}: energy_per_output_token 12 -> 12 J/token (+0%); "
        "the baseline has these values already"
    )
    append, _ = accept(folder, "--llem-update-baseline=append")
    assert append.ret == 1
    assert folder.baseline() == before


def test_a_candidate_older_than_the_baseline_is_refused(folder):
    candidate(folder, date="2026-10-01T12:00:00Z")
    result, lines = accept(folder)
    assert result.ret == 1
    assert lines[0].endswith("the baseline is newer: it has a session of 2026-11-01T12:00:00Z")
    assert joules(folder) == dict.fromkeys(NAMES, OLD)


def test_append_adds_the_sessions(folder):
    result, lines = accept(folder, "--llem-update-baseline=append", "-k", "other")
    assert result.ret == 0
    assert lines == [
        f"appended: {node('other')}: energy_per_output_token 10 -> 10.63 J/token (+6.27%); sessions 2 -> 3"
    ]
    assert joules(folder)["other"] == [*OLD, *NEW]


def test_a_candidate_without_energy_does_not_replace_a_baseline_with_energy(folder):
    entry = an_entry(a_session(12.0, date=LATER, method=None))
    folder.write("candidate.json", dumps(Candidate(a_file({node("other"): {HASH: entry}}))))
    result, lines = accept(folder)
    assert result.ret == 1
    assert lines[0].endswith("its energy was not measured, and that of the baseline was")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--ignore=tests"], 5, "nothing to accept: no test is selected"),
        (["--ignore-glob=*suite.py"], 5, "nothing to accept: no test is selected"),
        (["-k", "nothing"], 5, "nothing to accept: no test is selected"),
        (["-k", "ok"], 1, "nothing to accept: no selected test of the candidate has another verdict than ok*"),
        ([node("missing")], 4, "*not found: *test_missing*"),
    ],
)
def test_nothing_to_accept_is_no_success(folder, arguments, code, words):
    result, _ = accept(folder, *arguments)
    assert result.ret == code
    (result.stderr if code == 4 else result.stdout).fnmatch_lines([words])


def test_a_named_test_that_the_candidate_does_not_have_fails(folder):
    folder.tests(TESTS.replace("test_other", "test_renamed"), "tests/test_suite.py")
    result, lines = accept(folder, node("renamed"), node("regression"))
    assert result.ret == 1
    assert f"not in the candidate: {node('renamed')}" in lines
    assert joules(folder) == {"regression": NEW, "other": OLD, "ok": OLD}


def test_workers_and_an_invalid_candidate_are_refused_in_one_line(folder):
    folder.write("candidate.json", "{")
    result, _ = accept(folder, "-k", "ok")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *candidate.json: is not JSON*"])
    process = folder.process("--llem-accept-baseline=candidate.json", "-n2", "-k", "ok")
    process.stderr.fnmatch_lines(["ERROR: --llem-accept-baseline does not run in workers of xdist: add -n0"])


def test_a_candidate_in_the_folder_of_baselines_is_named_as_such(folder):
    (folder.path / "candidate.json").rename(folder.path / "llem-baselines" / "b.json")
    result = folder.run("--llem-dry-run", llem=False)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "b.json: is a candidate of a run; move it out of this folder" in result.stderr.str()


PLACES = {
    "the root": ("", []),
    "a folder below": ("tests", []),
    "other baselines": ("", ["--llem-baseline-dir=meine Prüfwerte"]),
    "another configuration": ("", ["-c", "other.ini", "-n0", "-o", "python_functions=test_*"]),
}


@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.usefixtures("torch_is_loaded")
@pytest.mark.parametrize("place", PLACES)
def test_the_command_of_a_failure_works_where_it_is_printed_and_accepts_that_test(suite, run, quick, place):
    """In processes of their own: a baseline, two regressions, and the command for one of them, as a shell runs it."""
    here, options = suite.path / PLACES[place][0], PLACES[place][1]
    suite.write("pytest.ini", "[pytest]\n")
    suite.write("other.ini", "[pytest]\nllem_baseline_dir = others\npython_functions = check_*\n")
    suite.tests(TESTS, "tests/test_suite.py")
    usual = (10.0, 10.1, 9.9)
    more = [1.2 * joules for joules in usual] * 2
    suite.replay(*usual)
    suite.replay(*usual, name="more.json", **{node("regression"): more, node("other"): more})
    arguments = (*options, "--strict-markers", "--llem-repeats=3")
    code, out = run(here, *arguments, f"--llem-energy=replay:{suite.path}/joules.json", "--llem-update-baseline=new")
    assert code == 0, out
    ((path, before),) = contents(suite).items()
    code, out = run(here, *arguments, f"--llem-energy=replay:{suite.path}/more.json")
    assert code == 1, out
    (command,) = [
        line.partition(": ")[2] for line in out.splitlines() if re.match("to accept this.*test_regression", line)
    ]
    codes = [as_a_shell(command, here, quick) for _ in range(2)]
    assert [each.returncode for each in codes] == [0, 1], codes
    assert "energy_per_output_token 5 -> 6 J/token (+20%); sessions 1 -> 1" in codes[0].stdout
    after = contents(suite)[path]["entries"]
    changed = [test for test in after if after[test] != before["entries"][test]]
    assert changed == [node("regression")]
    assert [part for part in shlex.split(command) if part.startswith("-o")] == ["-o=python_functions=test_*"] * (
        "-c" in options
    )
    (everything,) = [line for line in out.splitlines() if line.startswith("to accept all that was not ok: pytest ")]
    assert "::" not in everything


def contents(suite):
    return {path: json.loads(path.read_text()) for path in suite.path.rglob("cpu-*.json") if ".llem" not in path.parts}


def as_a_shell(command, here, quick):
    environ = {**os.environ, "PATH": f"{quick.bin}{os.pathsep}{os.environ['PATH']}"}
    assert shlex.split(command)[0] == "pytest"
    return subprocess.run(command, shell=True, cwd=here, env=environ, capture_output=True, text=True, check=False)
