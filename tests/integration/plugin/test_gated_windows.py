"""Windows around any code with a gate: the same baselines, the same verdicts and the same rules as experiments."""

from __future__ import annotations

import json

import pytest

USUAL = (10.0, 10.1, 9.9)
ID = "test_suite.py::test_summary::summarise"
LOOP = """
def test_summary(energy_meter):
    for window in energy_meter.window("summarise", {arguments}):
        with window:
            sum(range(100))
"""


def times(factor):
    return [factor * joules for joules in USUAL]


def loop(arguments='gate={"energy_j": "5%"}, repeats=3'):
    return LOOP.format(arguments=arguments)


@pytest.fixture
def gated(suite):
    """A suite whose window has three sessions as its baseline."""
    suite.tests(loop())
    suite.run(suite.replay(*USUAL), "--llem-update-baseline=new").assert_outcomes(passed=1)
    for factor in (1.01, 0.99):
        suite.run(suite.replay(*times(factor)), "--llem-update-baseline=append").assert_outcomes(passed=1)
    return suite


def entry(suite):
    ((found,),) = [list(by_hash.values()) for by_hash in suite.baseline()["entries"].values()]
    return found


def test_a_window_enters_the_baseline_of_its_machine(gated):
    assert list(gated.baseline()["entries"]) == [ID]
    found = entry(gated)
    assert found["config"] == {"window": "summarise"}
    assert found["work"] == {"prompts": None, "input_tokens": None, "output_tokens": None, "flops": None}
    assert [len(session["samples"]["energy_j"]) for session in found["sessions"]] == [3, 3, 3]
    assert found["sessions"][0]["samples"]["energy_j"] == list(USUAL)


def test_two_per_cent_more_pass_and_twenty_fail_in_every_report(gated):
    gated.run(gated.replay(*times(1.02))).assert_outcomes(passed=1)
    gated.monkeypatch.setenv("GITHUB_ACTIONS", "true")
    gated.monkeypatch.setenv("GITHUB_WORKSPACE", str(gated.path))
    result = gated.run(gated.replay(*times(1.2)), "--junitxml=junit.xml", "--llem-json=report.json")
    assert result.ret == 1
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "regression: energy_j 9.999 -> 12 J, +20% (*), p *; limit 5%",
            "  baseline llem-baselines/cpu-a-cpu-of-the-test-2-*.json*",
            "  not measured again: only the test itself can run the code of a window; run the test again to confirm",
            f"regression *energy_j*{ID}",
            "::error file=test_suite.py,line=5,title=llem%3A test_suite.py%3A%3Atest_summary%3A%3Asummarise::regression*",
        ]
    )
    assert "Traceback" not in result.stdout.str()
    assert 'name="llem.summarise.verdict" value="regression"' in (gated.path / "junit.xml").read_text()
    (test,) = gated.report()["tests"]
    (experiment,) = test["experiments"]
    assert (experiment["id"], experiment["verdict"], experiment["metrics"][0]["metric"]) == (
        ID,
        "regression",
        "energy_j",
    )
    assert len(test["windows"]) == 3


def test_a_window_that_vanished_is_listed_and_fails_under_strict(gated):
    gated.tests(loop().replace('"summarise"', '"sum up"'))
    result = gated.run(gated.replay(*USUAL), "--llem-update-baseline=new")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([f"baseline without a collected test: {ID} in llem-baselines/*"])
    assert gated.run(gated.replay(*USUAL), "--llem-strict").ret == 1
    gated.tests(loop())
    result = gated.run(gated.replay(*USUAL), "-k", "nothing")
    assert ID not in result.stdout.str()


def test_without_llem_nothing_is_repeated_or_judged(gated):
    result = gated.run("--llem-energy=null", llem=False)
    result.assert_outcomes(passed=1)
    assert "regression" not in result.stdout.str()


def test_new_windows_pass_and_fail_under_strict(suite):
    suite.tests(loop())
    result = suite.run(suite.replay(*USUAL))
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["new *energy_j*10 J*", "*no baseline yet*--llem-update-baseline=new writes one"])
    suite.run(suite.replay(*USUAL), "--llem-strict").assert_outcomes(failed=1)


def test_a_candidate_can_be_accepted(gated):
    result = gated.run(gated.replay(*times(1.2)))
    candidate = max((gated.path / ".llem").glob("*/candidate-baseline.json"))
    assert result.ret == 1
    accepted = gated.run("test_suite.py::test_summary", f"--llem-accept-baseline={candidate}", llem=False)
    assert accepted.ret == 0, accepted.stdout.str()
    accepted.stdout.fnmatch_lines([f"replaced: {ID}: energy_j 9.999 -> 12 J (+20%); sessions 3 -> 1"])
    assert entry(gated)["sessions"][-1]["samples"]["energy_j"] == pytest.approx(times(1.2))
    gated.run(gated.replay(*times(1.2))).assert_outcomes(passed=1)


def test_a_failed_test_does_not_enter(suite):
    suite.tests(loop() + "    assert False\n")
    result = suite.run(suite.replay(*USUAL), "--llem-update-baseline=new")
    result.assert_outcomes(failed=1)
    assert suite.baseline_files == []


def test_an_absolute_limit_needs_no_baseline(suite):
    suite.tests(loop('gate={"energy_j": 8}, repeats=3'))
    result = suite.run(suite.replay(*USUAL))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["over budget: energy_j 10 J*; limit 8 J"])
    suite.run(suite.replay(*times(0.5))).assert_outcomes(passed=1)


def test_other_work_is_not_compared(suite):
    with_tokens = 'output_tokens={tokens}, gate={{"energy_per_output_token": "5%"}}, repeats=3'
    suite.tests(loop(with_tokens.format(tokens=10)))
    suite.run(suite.replay(*USUAL), "--llem-update-baseline=new").assert_outcomes(passed=1)
    suite.tests(loop(with_tokens.format(tokens=20)))
    result = suite.run(suite.replay(*USUAL))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["workload changed: output_tokens 10 -> 20"])


def test_a_gate_per_token_without_tokens_says_what_is_missing(suite):
    suite.tests(loop('gate={"energy_per_output_token": "5%"}, repeats=3'))
    result = suite.run(suite.replay(*USUAL))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["window 'summarise': gate: energy_per_output_token needs output_tokens, as argument or set on the window"]
    )


def test_a_single_block_is_not_enough_and_the_message_has_the_fix(suite):
    suite.tests(
        """
def test_summary(energy_meter):
    with energy_meter.window("summarise", gate={"energy_j": "5%"}, repeats=5):
        pass
"""
    )
    result = suite.run(suite.replay(*USUAL))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "window 'summarise': 1 of 5 repeats were measured; a gate needs all: "
            "for window in energy_meter.window('summarise', ...): with window: ..."
        ]
    )


def test_blocks_of_one_name_are_repeats_of_it(suite):
    suite.tests(
        """
@pytest.mark.parametrize("text", ["long"])
def test_summary(energy_meter, text):
    for _ in range(3):
        with energy_meter.window("summarise", gate={"energy_j": "5%"}, repeats=3):
            pass
"""
    )
    suite.run(suite.replay(*USUAL), "--llem-update-baseline=new").assert_outcomes(passed=1)
    assert list(suite.baseline()["entries"]) == ["test_suite.py::test_summary[long]::summarise"]


def test_a_window_that_raises_is_dropped_and_the_loop_ends_even_if_every_one_does(suite):
    suite.tests(
        """
@pytest.mark.parametrize("raising", [(2,), range(9)])
def test_summary(energy_meter, raising):
    number = 0
    for window in energy_meter.window("summarise", gate={"energy_j": "5%"}, repeats=3):
        number += 1
        try:
            with window:
                if number in raising:
                    raise ValueError
        except ValueError:
            pass
"""
    )
    result = suite.run(suite.replay(10.0, 10.1, 10.0, 9.9, 9.9))
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*dropped 1: repeat 2: ValueError was raised inside: only a part of the work was measured",
            "*no repeat is valid: all were dropped",
            "*dropped 5: *",
        ]
    )


def test_windows_that_overlap_are_dropped_and_measured_again(suite):
    suite.tests(
        """
def test_summary(energy_meter):
    number = 0
    for window in energy_meter.window("summarise", gate={"energy_j": "5%"}, repeats=3):
        number += 1
        other = energy_meter.window("other")
        if number == 2:
            with window:
                other.__enter__()
            other.__exit__(None, None, None)
        else:
            with window:
                pass
"""
    )
    result = suite.run(suite.replay(10.0, 30.0, 30.0, 10.1, 9.9), "--llem-update-baseline=new")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*dropped 1: repeat 2: another window was open at the same time"])
    assert entry(suite)["sessions"][0]["samples"]["energy_j"] == [10.0, 10.1, 9.9]


def test_without_a_meter_the_test_is_skipped_and_fails_under_strict(suite):
    suite.tests(loop())
    suite.run("--llem-energy=null").assert_outcomes(skipped=1)
    suite.run("--llem-energy=null", "--llem-strict").assert_outcomes(failed=1)
    suite.tests(loop('gate={"duration_s": "500%"}, repeats=3'))
    suite.run("--llem-energy=null", "--llem-update-baseline=new").assert_outcomes(passed=1)


def test_a_control_excuses_a_window_that_moved_with_it(suite):
    suite.write("conftest.py", CONFTEST)
    suite.tests(loop())
    suite.run(suite.replay(*USUAL), "--llem-update-baseline=new").assert_outcomes(passed=1)
    result = suite.run(suite.replay(*times(1.2)), "-o", "llem_inconclusive=warn")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["not-comparable *", "*machine shifted: energy_total_j of the control +20%*"])


# Stands for a control that has run before and shifted.
CONFTEST = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item):
    from pytest_llem.stash import state_of
    from pytest_llem.verdict.control import Shift
    if state_of(item.config).settings.update is None:
        state_of(item.config).gate.shifts_of["control", ""] = (Shift("energy_total_j", 1.2, 1.15, 1.25),)
"""


def test_wrong_arguments_fail_the_test_with_one_line(suite):
    for arguments, message in (
        ('gate={"energy": "5%"}', "gate: unknown metric 'energy'; did you mean 'energy_j'? (known: energy_j, *)"),
        ('gate={"energy_j": "5 percent"}', "gate: energy_j: '5 percent' is not a limit; write one such as 2.5%*(in J)"),
        ('gate={"energy_j": "5%"}, repeats=2', "repeats: 2 is too few: a verdict needs a whole number of at least 3"),
    ):
        suite.tests(loop(arguments))
        result = suite.run(suite.replay(*USUAL))
        result.assert_outcomes(failed=1)
        result.stdout.fnmatch_lines([f"window 'summarise': {message}"])
        assert "Traceback" not in result.stdout.str()


def test_a_recording_that_is_used_up_fails_the_test_with_one_line(suite):
    suite.tests(loop())
    result = suite.run(suite.replay(*USUAL[:2]))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["joules.json has 2 recorded windows for test_suite.py::test_summary, and all are used; record more windows"]
    )
    assert "measure/replay.py" not in result.stdout.str()


def test_an_attempt_that_failed_leaves_no_repeats_behind(suite):
    """A plugin runs a failed test again, as pytest-rerunfailures does."""
    suite.write("conftest.py", RERUN)
    suite.tests("ATTEMPTS = []" + loop() + "    ATTEMPTS.append(1)\n    assert len(ATTEMPTS) > 1\n")
    result = suite.run(suite.replay(*times(1.5), *USUAL), "--llem-update-baseline=new", "--llem-json=report.json")
    assert result.ret == 0, result.stdout.str()
    assert entry(suite)["sessions"][0]["samples"]["energy_j"] == list(USUAL)
    (test,) = suite.report()["tests"]
    assert (test["attempt"], len(test["experiments"])) == (2, 1)


RERUN = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(each.failed for each in reports):
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for each in reports:
        item.ihook.pytest_runtest_logreport(report=each)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True
"""


@pytest.mark.slow
def test_the_life_of_a_gate_in_processes_of_their_own(run, tmp_path):
    """Measured, compared, failed, accepted; then without `--llem`, under `--llem-strict`, and with a wrong key."""
    (tmp_path / "test_suite.py").write_text(loop())
    for name, factor in (("usual", 1.0), ("worse", 1.2)):
        windows = {"windows": {"*": times(factor)}, "fingerprint": {"cpu": "A CPU", "cpu_count": 2}}
        (tmp_path / f"{name}.json").write_text(json.dumps(windows))
    usual, worse = "--llem-energy=replay:usual.json", "--llem-energy=replay:worse.json"
    assert run(tmp_path, usual, "--llem-strict")[0] == 1  # no baseline yet
    for update in ("new", "append", "append"):
        assert run(tmp_path, usual, f"--llem-update-baseline={update}")[0] == 0
    assert run(tmp_path, usual, "--llem-strict")[0] == 0
    code, out = run(tmp_path, worse)
    assert (code, "regression: energy_j 10 -> 12 J, +20%" in out) == (1, True), out
    candidate = max(tmp_path.glob(".llem/*/candidate-baseline.json"))
    assert run(tmp_path, "test_suite.py::test_summary", f"--llem-accept-baseline={candidate}", llem=False)[0] == 0
    assert run(tmp_path, worse)[0] == 0
    assert run(tmp_path, llem=False)[0] == 0
    assert run(tmp_path, "--llem-energy=null", "--llem-strict")[0] == 1
    (tmp_path / "test_suite.py").write_text(loop('gate={"energie_j": "5%"}'))
    code, out = run(tmp_path, usual)
    assert (code, "did you mean 'energy_j'?" in out) == (1, True), out
