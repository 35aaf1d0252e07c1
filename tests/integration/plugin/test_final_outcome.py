"""Only the final outcome of a test counts: no failed attempt and no failed subtest enters a baseline."""

from __future__ import annotations

import importlib.util

import pytest

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("torch_is_loaded")]

USUAL = (10.0, 10.1, 9.9)
MORE = tuple(1.2 * joules for joules in USUAL)
APPEND = ("--llem-update-baseline=append", "--llem-json=report.json")

# As plugins do that run a failed test again, from its setup on.
AGAIN = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for last in (False, True):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        failed = any(report.failed for report in reports)
        for report in reports:
            report.outcome = "rerun" if report.failed and not last else report.outcome
            item.ihook.pytest_runtest_logreport(report=report)
            if report.outcome == "rerun":
                break
        if not failed:
            break
        item._initrequest()
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
"""
# As plugins do that call the function again, without a setup before it.
CALLED_AGAIN = """
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call" and report.failed and not getattr(item, "called_again", False):
        item.called_again = True
        again = pytest.CallInfo.from_call(lambda: item.ihook.pytest_runtest_call(item=item), "call")
        report = item.ihook.pytest_runtest_makereport(item=item, call=again)
    return report
"""
FAILS_ONCE = """
calls = []

@pytest.mark.llem(TINY)
def test_energy(llm_experiment):
    run = llm_experiment()
    calls.append(run)
    assert len(calls) > 1, "the first attempt is rejected"
"""
WINDOWS_FAIL_ONCE = """
calls = []

def test_energy(energy_meter):
    calls.append(1)
    for window in energy_meter.window("work", gate={"energy_j": "5%"}):
        with window:
            pass
    assert len(calls) > 1, "the first attempt is rejected"
"""
SUBTESTS = """
@pytest.mark.llem(TINY)
def test_energy(llm_experiment, subtests):
    run = llm_experiment()
    with subtests.test("answer"):
        assert {answer}
    with subtests.test("another"):
        pass
"""
UNITTEST = """
import unittest

class TestOldStyle(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def _experiment(self, llm_experiment):
        self.llm_experiment = llm_experiment

    @pytest.mark.llem(TINY, id="old style")
    def test_energy(self):
        self.llm_experiment()
        with self.subTest("answer"):
            self.assertTrue({answer})
        with self.subTest("another"):
            pass
"""


def sessions(suite):
    """The joules of the sessions of the only entry."""
    ((entry,),) = [by_hash.values() for by_hash in suite.baseline()["entries"].values()]
    return [session["samples"]["energy_total_j"] for session in entry["sessions"]]


@pytest.fixture
def three(suite):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    return suite


def with_baseline(suite, text):
    """The suite with a baseline of one session, and its tests in their final form."""
    suite.tests(text.format(answer=True))
    assert suite.run(suite.replay(*USUAL), "--llem-update-baseline=new").ret == 0
    suite.tests(text.format(answer=False))
    return suite


@pytest.mark.parametrize("text", [SUBTESTS, UNITTEST], ids=["subtests", "unittest"])
def test_a_failed_subtest_keeps_the_session_out_of_baseline_and_candidate(three, text):
    with_baseline(three, text)
    result = three.run(three.replay(*(1.02 * joules for joules in USUAL)), *APPEND)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["baseline refused: *: the test did not pass"])
    assert sessions(three) == [list(USUAL)]
    (test,) = three.report()["tests"]
    assert test["outcome"] == "failed"
    assert three.report()["baselines"]["candidates"] == []


def test_an_assertion_beside_a_failed_verdict_keeps_the_values_out_of_the_candidate(three):
    with_baseline(three, SUBTESTS)
    result = three.run(three.replay(*MORE, *MORE), *APPEND)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["regression *"])
    assert three.report()["baselines"]["candidates"] == []


def test_a_verdict_in_a_subtest_alone_can_be_accepted(three):
    text = """
@pytest.mark.llem(TINY)
def test_energy(llm_experiment, subtests):
    run = llm_experiment()
    with subtests.test("energy"):
        run.assert_no_regression()
"""
    with_baseline(three, text)
    three.run(three.replay(*MORE, *MORE), *APPEND)
    assert sessions(three) == [list(USUAL)]
    assert len(three.report()["baselines"]["candidates"]) == 1


def test_a_verdict_that_the_test_catches_enters_nothing(three):
    text = """
@pytest.mark.llem(TINY)
def test_energy(llm_experiment):
    run = llm_experiment()
    try:
        run.assert_no_regression()
    except pytest.fail.Exception:
        pass
"""
    with_baseline(three, text)
    assert three.run(three.replay(*MORE, *MORE), *APPEND).ret == 1
    assert sessions(three) == [list(USUAL)]


@pytest.mark.parametrize("conftest", [AGAIN, CALLED_AGAIN], ids=["from its setup", "only its function"])
def test_a_rejected_attempt_leaves_nothing_beside_the_good_one(three, conftest):
    three.write("conftest.py", conftest)
    three.tests(FAILS_ONCE)
    result = three.run(three.replay(*MORE, *USUAL), *APPEND, "--junitxml=junit.xml")
    assert result.ret == 0
    assert sessions(three) == [list(USUAL)]
    (test,) = three.report()["tests"]
    assert (test["outcome"], test["message"], test["attempt"], len(test["experiments"])) == ("passed", None, 2, 1)
    assert len(list(three.path.glob(".llem/*/*test_energy-*.json"))) == 6
    assert (three.path / "junit.xml").read_text().count("llem.verdict") == 1


@pytest.mark.parametrize("conftest", [AGAIN, CALLED_AGAIN], ids=["from its setup", "only its function"])
def test_the_windows_of_a_rejected_attempt_do_not_count(three, conftest):
    three.write("conftest.py", conftest)
    three.tests(WINDOWS_FAIL_ONCE)
    assert three.run(three.replay(*MORE, *USUAL), *APPEND).ret == 0
    ((entry,),) = [by_hash.values() for by_hash in three.baseline()["entries"].values()]
    assert entry["sessions"][0]["samples"]["energy_j"] == list(USUAL)
    (test,) = three.report()["tests"]
    assert [window["energy_j"] for window in test["windows"]] == list(USUAL)


def test_a_rejected_attempt_is_not_annotated(three):
    three.write("conftest.py", AGAIN)
    with_baseline(three, "@pytest.mark.llem(TINY)\ndef test_energy(llm_experiment):\n    llm_experiment()\n")
    three.monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = three.run(three.replay(*MORE, *MORE, *USUAL), *APPEND)
    assert result.ret == 0
    assert "::error" not in result.stdout.str()
    assert sessions(three) == [list(USUAL), list(USUAL)]


def test_an_expected_failure_enters_nothing_and_is_no_error_on_github(three):
    """One by a verdict, one by an assertion: both tests stay green, so no annotation of a test may be an error."""
    text = """
@pytest.mark.llem(TINY)
@pytest.mark.xfail({expected}, reason="slow kernel")
def test_energy(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY, overrides={{"random_seed": 2}})
@pytest.mark.xfail({expected}, reason="wrong answer")
def test_answer(llm_experiment):
    llm_experiment()
    assert not {expected}
"""
    three.tests(text.format(expected=False))
    assert three.run(three.replay(*USUAL), "--llem-update-baseline=new").ret == 0
    before = three.baseline()
    three.tests(text.format(expected=True))
    three.monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = three.run(three.replay(*MORE, *MORE), *APPEND)
    result.assert_outcomes(xfailed=2)
    assert three.baseline() == before
    assert [line for line in result.outlines if line.startswith("baseline")] == [
        "baseline refused: test_suite.py::test_energy: the test was skipped: expected failure: slow kernel",
        "baseline refused: test_suite.py::test_answer: the test was skipped: expected failure: wrong answer",
    ]
    of_tests = [line for line in result.outlines if line.startswith("::") and " file=" in line]
    assert [line.partition(" ")[0] for line in of_tests] == ["::warning"]


def test_a_failed_teardown_and_an_attempt_that_fails_last_enter_nothing(three):
    three.tests(
        """
@pytest.fixture
def resource():
    yield
    raise RuntimeError("the server leaked")

@pytest.mark.llem(TINY)
def test_energy(llm_experiment, resource):
    llm_experiment()
"""
    )
    three.write("conftest.py", AGAIN)
    result = three.run(three.replay(*USUAL, *USUAL), *APPEND)
    assert result.ret == 1
    assert three.baseline_files == []
    assert three.report()["tests"][0]["outcome"] == "error"


@pytest.mark.slow
def test_in_a_process_of_its_own_with_reruns(three, run):
    """The plugin for reruns where it is installed, and what it does otherwise."""
    reruns = ["--reruns=1"] if importlib.util.find_spec("pytest_rerunfailures") else []
    if not reruns:
        three.write("conftest.py", AGAIN)
    three.tests(FAILS_ONCE + SUBTESTS.format(answer=False).replace("test_energy", "test_parts"))
    first = {"test_suite.py::test_parts": list(MORE) * 2}
    code, out = run(three.path, three.replay(*MORE, *USUAL, **first), *APPEND, *reruns)
    assert code == 1, out
    assert list(three.baseline()["entries"]) == ["test_suite.py::test_energy"]
    assert sessions(three) == [list(USUAL)]
