"""An update of the baselines that was asked for is written, or the run fails; two at the same time lose nothing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from a_baseline import HASH, a_file, a_session, an_entry
from pytest_llem.baseline.folder import dumps
from waiting import tried

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("torch_is_loaded")]

USUAL = (10.0, 10.1, 9.9)
UPDATE = ("--llem-update-baseline=new", "--llem-json=report.json")
# The tests of a run end together with those of all others.
TOGETHER = """
import os, time
from pathlib import Path

def pytest_sessionfinish():
    Path(f"ended-{os.getpid()}").touch()
    deadline_s = time.monotonic() + 200
    while len(list(Path().glob("ended-*"))) < 20 and time.monotonic() < deadline_s:
        time.sleep(0.005)
"""
# No file may become larger: as on a full disk, a write fails in the middle.
SMALL_FILES = """
import resource

resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
"""


@pytest.fixture
def one(suite):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.one_test()
    return suite


def outcomes(suite):
    return [(each["action"], each["note"]) for each in suite.report()["baselines"]["outcomes"]]


def test_a_refused_update_fails_the_run_with_one_line(one):
    one.run(one.replay(*USUAL), *UPDATE)
    (path,) = one.baseline_files
    path.write_text(path.read_text().replace('"simulated": true', '"simulated": false'))
    result = one.run(one.replay(*USUAL), *UPDATE)
    result.assert_outcomes(passed=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["ERROR: --llem-update-baseline=new: 1 of 1 experiments did not enter the baselines"])
    assert outcomes(one) == [("refused", "simulated results cannot enter a baseline of measured ones")]
    assert one.report()["exit_code"] == 1


def test_a_skipped_measurement_is_an_update_that_was_not_written(one):
    result = one.run("--llem-energy=null", *UPDATE)
    result.assert_outcomes(skipped=1)
    assert result.ret == 1
    assert "energy not measured here" in outcomes(one)[0][1]


def test_an_update_of_nothing_fails(one):
    one.tests("@pytest.mark.skip\n@pytest.mark.llem(TINY)\ndef test_energy(llm_experiment):\n    llm_experiment()\n")
    result = one.run(one.replay(*USUAL), *UPDATE)
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["ERROR: --llem-update-baseline=new: nothing was measured, so there is nothing to write"]
    )


def test_an_entry_that_is_there_already_is_no_failure(one):
    assert one.run(one.replay(*USUAL), *UPDATE).ret == 0
    assert one.run(one.replay(*USUAL), *UPDATE).ret == 0
    assert outcomes(one)[0][0] == "kept"


def test_the_configurations_of_one_test_are_distinguished(one):
    one.tests(
        "@pytest.mark.llem(TINY)\ndef test_energy(llm_experiment):\n    llm_experiment()\n    llm_experiment(n=2)\n"
    )
    result = one.run(one.replay(*USUAL, *USUAL), *UPDATE)
    assert [line for line in result.outlines if line.startswith("baseline new")] == [
        "baseline new: test_suite.py::test_energy",
        "baseline new: test_suite.py::test_energy (n=2)",
    ]
    assert len({each["config_hash"] for each in one.report()["baselines"]["outcomes"]}) == 2


def test_a_folder_that_cannot_be_written_fails_the_run_and_keeps_the_candidate(one):
    one.write("a-file", "")
    result = one.run(one.replay(*USUAL), *UPDATE, "--llem-baseline-dir=a-file/baselines")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["ERROR: the baselines are not updated: *a-file/baselines: cannot be written: Not a directory"]
    )
    assert outcomes(one) == []
    assert len(one.report()["baselines"]["candidates"]) == 1


def test_a_baseline_that_another_run_wrote_meanwhile_is_kept(one):
    """The folder is read again before it is written."""
    one.write("conftest.py", "")
    assert one.run(one.replay(*USUAL), *UPDATE).ret == 0
    other = one.baseline()
    ((_, entry),) = other["entries"].items()
    other["entries"] = {"test_other.py::test_it": entry}
    meanwhile = json.dumps(other)
    (path,) = one.baseline_files
    path.unlink()
    one.write(
        "conftest.py",
        f"from pathlib import Path\ndef pytest_sessionfinish():\n    Path({str(path)!r}).write_text({meanwhile!r})\n",
    )
    assert one.run(one.replay(*USUAL), *UPDATE).ret == 0
    assert sorted(one.baseline()["entries"]) == ["test_other.py::test_it", "test_suite.py::test_energy"]


def test_a_session_of_a_shifted_machine_is_not_appended(one):
    one.tests(
        """
@pytest.mark.llem(TINY, control=True)
def test_control(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY, overrides={"random_seed": 2})
def test_load(llm_experiment):
    llm_experiment()
"""
    )
    assert one.run(one.replay(*USUAL), *UPDATE).ret == 0
    before = one.baseline()
    result = one.run(one.replay(*(1.2 * joules for joules in USUAL)), "--llem-update-baseline=append")
    result.assert_outcomes(passed=2)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["baseline refused: *test_load: machine shifted: *"])
    assert one.baseline() == before


@pytest.mark.slow
def test_a_full_disk_fails_the_run_in_a_process_of_its_own(one, run):
    one.write("conftest.py", SMALL_FILES)
    assert run(one.path, one.replay(*USUAL), *UPDATE)[0] == 0
    (path,) = one.baseline_files
    content = one.baseline()
    many = {f"test_other.py::test_{number}": {HASH: an_entry().to_plain()} for number in range(900)}
    path.write_text(json.dumps({**content, "entries": {**content["entries"], **many}}))
    before = path.read_bytes()
    code, out = run(one.path, one.replay(*USUAL), "--llem-update-baseline=append", "--llem-json=report.json")
    assert code == 1, out
    assert f"the baselines are not updated: {path}: cannot be written: File too large" in out
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert len(one.report()["baselines"]["candidates"]) == 1


@pytest.mark.slow
def test_twenty_runs_that_update_one_folder_together_give_twenty_entries(one, start):
    one.write("conftest.py", TOGETHER)
    one.tests(
        """
@pytest.mark.llem(TINY)
@pytest.mark.parametrize("number", range(20))
def test_energy(llm_experiment, number):
    llm_experiment(random_seed=number)
"""
    )
    one.replay(*USUAL)
    processes = [
        start(one.path, "--llem-energy=replay:joules.json", *UPDATE[:1], f"test_suite.py::test_energy[{number}]")
        for number in range(20)
    ]
    ends = [process.communicate(timeout=400)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 20, ends
    assert len(one.baseline()["entries"]) == 20
    assert [path.name for path in one.baseline_files[0].parent.iterdir()] == [one.baseline_files[0].name]


LARGE = {"model": "builtin/tiny-llama", "prompt": "x" * 500_000}


@pytest.mark.slow
def test_a_run_that_is_killed_during_an_update_leaves_the_old_file_or_the_new_one(suite):
    """At 50 random moments, every second one within 20 ms after the first byte; the file is large, so that writing takes time."""
    old, new = (large_file(joules, date) for joules, date in ((10.0, "2026-11-01"), (12.0, "2026-11-02")))
    target = suite.write("llem-baselines/a.json", old)
    suite.write("candidate.json", new)
    moments = random.Random(20261129)

    def seen():
        target.write_text(old)
        whole_s, found = update_and_kill(suite, None), set()
        assert target.read_text() == new
        for number in range(50):
            target.write_text(old)
            near = number % 2 == 1
            update_and_kill(suite, moments.uniform(0, 0.02 if near else whole_s), target if near else None)
            found.add({old: "old", new: "new"}.get(target.read_text(), "damaged"))
        assert "damaged" not in found
        return found

    tried(seen, lambda found: found == {"old", "new"})
    target.write_text(old)
    update_and_kill(suite, None)
    assert [path.name for path in target.parent.iterdir()] == ["a.json"]
    assert target.read_text() == new


def large_file(joules, date):
    entry = an_entry(a_session(joules, date=f"{date}T12:00:00Z"), config=LARGE)
    return dumps(a_file({f"test_a.py::test_{number}": {HASH: entry} for number in range(40)}))


def update_and_kill(suite, after_s, written=None):
    """Start an update and kill it some time after it has locked the folder or has begun to write; seconds from there to its end."""
    command = [sys.executable, "-m", "pytest", "-p", "pytest_llem.plugin", "--llem-accept-baseline=candidate.json"]
    environ = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    folder = suite.path / "llem-baselines"
    (folder / ".lock").unlink(missing_ok=True)
    for remains in folder.glob(".*.tmp"):
        remains.unlink()
    size = written.stat().st_size if written else None
    with subprocess.Popen(command, cwd=suite.path, env=environ, stdout=subprocess.PIPE) as process:
        while not (folder / ".lock").exists() and process.poll() is None:
            pass
        while written and written.stat().st_size == size and not list(folder.glob(".*.tmp")) and process.poll() is None:
            pass
        begun_s = time.monotonic()
        if after_s is not None:
            time.sleep(after_s)
            process.kill()
        process.communicate()
    assert process.returncode in (0, -signal.SIGKILL)  # 0: it was killed too late
    return time.monotonic() - begun_s
