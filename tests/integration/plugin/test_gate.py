"""The gate in CI: baselines are written and compared, real changes fail, and no test passes by accident."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess

import pytest

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("torch_is_loaded")]

USUAL = (10.0, 10.1, 9.9)


def times(factor):
    return [factor * joules for joules in USUAL]


@pytest.fixture
def gated(suite):
    """A suite with one session as its baseline; three repeats."""
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.one_test()
    result = suite.run(suite.replay(*USUAL), "--llem-update-baseline=new")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        [
            "*new*energy_per_output_token*5 J/token*",
            "*no baseline yet in llem-baselines, which does not exist; this run writes one if the test passes",
            "baseline new:*",
        ]
    )
    return suite


def contents(suite):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in suite.baseline_files}


def entries(suite):
    return suite.baseline()["entries"]["test_suite.py::test_energy"]


def test_a_real_change_fails_and_is_in_every_report(gated):
    before = contents(gated)
    gated.write("summary.md", "")
    gated.monkeypatch.setenv("GITHUB_ACTIONS", "true")
    gated.monkeypatch.setenv("GITHUB_WORKSPACE", str(gated.path))
    gated.monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(gated.path / "summary.md"))
    result = gated.run(
        gated.replay(*times(1.2), *times(1.2)),
        "--junitxml=junit.xml",
        "--llem-json=report.json",
        "--llem-update-baseline=append",
    )
    assert result.ret == 1
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "regression: energy_per_output_token 5 -> 6 J/token, +20% (+1*% to +2*%), p *; limit 5%",
            "  baseline llem-baselines/cpu-a-cpu-of-the-test-2-*.json*",
            "  measured again from the recording: 3 more repeats, pooled",
            "1 regression, 0 not measured",
            "::error file=test_suite.py,line=4,title=llem%3A test_suite.py%3A%3Atest_energy::regression*+20%25*",
        ]
    )
    assert "Traceback" not in result.stdout.str()
    junit = (gated.path / "junit.xml").read_text()
    assert 'failures="1"' in junit
    assert 'name="llem.verdict" value="regression"' in junit
    assert 'name="llem.ratio" value="1.2' in junit
    (test,) = gated.report()["tests"]
    (experiment,) = test["experiments"]
    assert (test["outcome"], experiment["verdict"], experiment["simulated"]) == ("failed", "regression", True)
    assert "regression" in (gated.path / "summary.md").read_text()
    assert contents(gated) == before  # an update takes over nothing that failed
    last = gated.run("--lf", gated.replay(*times(1.0)), "-q", "--collect-only")
    assert "test_suite.py::test_energy" in last.stdout.str()
    (candidate,) = re.findall(r"--llem-accept-baseline=(\S+candidate-baseline\.json)", result.stdout.str())
    accepted = gated.run(f"--llem-accept-baseline={candidate}", llem=False)
    assert accepted.ret == 0
    accepted.stdout.fnmatch_lines(["replaced: test_suite.py::test_energy*"])
    ((entry,),) = [list(by_hash.values()) for by_hash in gated.baseline()["entries"].values()]
    assert entry["sessions"][-1]["samples"]["energy_total_j"][:3] == pytest.approx(times(1.2))


def test_a_change_that_the_second_look_does_not_confirm_passes(gated):
    result = gated.run(gated.replay(*times(1.2), *times(0.95)))
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*measured again from the recording: 3 more repeats, pooled"])


def test_two_per_cent_more_passes_and_sessions_are_added_up_to_five(gated):
    for _ in range(4):
        gated.run(gated.replay(*times(1.02)), "--llem-update-baseline=append").assert_outcomes(passed=1)
    (entry,) = entries(gated).values()
    assert len(entry["sessions"]) == 5


def test_another_configuration_is_stale_and_another_machine_not_comparable(gated):
    gated.one_test(marker="config=TINY, overrides={'random_seed': 7}")
    stale = gated.run(gated.replay(*USUAL))
    stale.assert_outcomes(passed=1)
    stale.stdout.fnmatch_lines(
        [
            "stale *",
            "*the configuration changed since the baseline: random_seed * -> 7; --llem-update-baseline=new writes one*",
        ]
    )
    gated.run(gated.replay(*USUAL), "--llem-strict").assert_outcomes(failed=1)
    gated.one_test()
    other = {"windows": {"*": list(USUAL)}, "fingerprint": {"cpu": "Another CPU", "cpu_count": 64}}
    gated.write("other.json", json.dumps(other))
    elsewhere = gated.run("--llem-energy=replay:other.json")
    elsewhere.assert_outcomes(passed=1)
    elsewhere.stdout.fnmatch_lines(["not-comparable *", "*cpu A CPU of the test -> Another CPU, cpu_count 2 -> 64*"])
    gated.run("--llem-energy=replay:other.json", "--llem-strict").assert_outcomes(failed=1)
    entering = gated.run("--llem-energy=replay:other.json", "--llem-strict", "--llem-update-baseline=new")
    entering.assert_outcomes(passed=1)
    assert len(gated.baseline_files) == 2


def test_a_candidate_that_is_refused_is_no_success(gated):
    (path,) = gated.baseline_files
    measured = gated.write("measured.json", path.read_text().replace('"simulated": true', '"simulated": false'))
    refused = gated.run(f"--llem-accept-baseline={measured}", llem=False)
    assert refused.ret == 1
    refused.stdout.fnmatch_lines(["refused: test_suite.py::test_energy: *simulated*"])


def test_changed_work_fails_whatever_the_joules_say(gated):
    (path,) = gated.baseline_files
    path.write_text(path.read_text().replace('"output_tokens": 2,', '"output_tokens": 4,'))
    result = gated.run(gated.replay(*USUAL))
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["workload changed: output_tokens 4 -> 2"])


def test_updates_touch_only_what_ran_and_passed(suite):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.tests(
        """
@pytest.mark.llem(TINY)
def test_one(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY, overrides={"random_seed": 2})
def test_two(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY, overrides={"random_seed": 3})
def test_failing(llm_experiment):
    llm_experiment()
    assert False, "on purpose"
"""
    )
    replay = suite.replay(*USUAL)
    suite.run(replay, "--llem-update-baseline=new", "-k", "one").assert_outcomes(passed=1)
    first = suite.baseline()["entries"]
    assert list(first) == ["test_suite.py::test_one"]
    suite.run(replay, "--llem-update-baseline=new").assert_outcomes(passed=2, failed=1)
    after = suite.baseline()["entries"]
    assert list(after) == ["test_suite.py::test_one", "test_suite.py::test_two"]
    assert after["test_suite.py::test_one"] == first["test_suite.py::test_one"]
    assert (suite.baseline_files[0]).name.startswith("cpu-a-cpu-of-the-test")
    assert suite.baseline()["simulated"] is True


def test_a_dirty_tree_is_minded(suite):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.one_test()
    for command in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=suite.path, check=True)
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n\n")
    result = suite.run(suite.replay(*USUAL), "--llem-update-baseline=new")
    result.stdout.fnmatch_lines(["baseline new:*the working tree has uncommitted changes*"])


def test_without_a_sensor_a_joule_gate_skips_with_the_reason_and_strict_fails(suite):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.one_test()
    result = suite.run("--llem-energy=null", "--llem-json=report.json")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*energy not measured here: --llem-energy is null*", "1 not measured"])
    (test,) = suite.report()["tests"]
    assert test["experiments"][0]["verdict"] == "not-measured"
    assert test["experiments"][0]["metrics"][0]["now"] is None
    assert test["experiments"][0]["energy_per_output_token"] is None
    result.stdout.fnmatch_lines(["joules were not measured: limit metrics that need no power sensor, *"])
    strict = suite.run("--llem-energy=null", "--llem-strict")
    strict.assert_outcomes(failed=1)
    strict.stdout.no_fnmatch_line("*--llem-accept-baseline=*")
    assert not list(suite.path.glob(".llem/*/candidate-baseline.json"))


def test_every_limited_metric_has_a_line_and_every_warning_is_shown_once(suite):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\nllem_energy = null\n")
    suite.tests(
        """
GATES = {"output_tokens": "1%", "flops_total": "2%"}

@pytest.mark.llem(TINY, fail_on={"energy_total_j": "5%", **GATES})
def test_one(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY, fail_on=GATES)
def test_two(llm_experiment):
    llm_experiment()
"""
    )
    suite.run("--llem-update-baseline=new").assert_outcomes(passed=2)
    shown = suite.run().outlines
    assert [line.split()[:2] for line in shown if line.startswith(("ok ", "not-measured "))] == [
        ["not-measured", "energy_total_j"],
        ["ok", "output_tokens"],
        ["ok", "flops_total"],
        ["ok", "output_tokens"],
        ["ok", "flops_total"],
    ]
    (few,) = [line for line in shown if "low_prompt_count" in line]
    assert few.endswith("(2 of 2 experiments, first test_suite.py::test_one)")


def test_without_a_sensor_counted_and_measured_work_is_gated(suite):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\nllem_energy = null\n")
    gates = "{'output_tokens': '1%', 'flops_total': '1%', 'peak_memory_mb': '50%', 'cpu_seconds': '900%'}"
    suite.one_test(f"TINY, fail_on={gates}")
    suite.run("--llem-update-baseline=new").assert_outcomes(passed=1)
    result = suite.run("--llem-json=report.json")
    result.assert_outcomes(passed=1)
    metrics = {each["metric"]: each["verdict"] for each in suite.report()["tests"][0]["experiments"][0]["metrics"]}
    assert metrics["output_tokens"] == metrics["flops_total"] == "ok"
    assert metrics["cpu_seconds"] in ("ok", "inconclusive", "improved")


def test_assertions_and_budgets_give_clear_messages(suite):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.tests(
        """
@pytest.mark.llem(TINY)
def test_above(llm_experiment):
    run = llm_experiment()
    assert (len(run.results), run.verdict, run.result.output_tokens) == (3, "new", 2)
    assert run.samples("energy_total_j") == [10.0, 10.1, 9.9]
    run.assert_below("energy_per_output_token", 4)

@pytest.mark.llem(TINY, budget={"energy_total_j": 5})
def test_over_budget(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY, repeats=4)
def test_run_out(llm_experiment):
    llm_experiment()
"""
    )
    result = suite.run(suite.replay(*USUAL))
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "energy_per_output_token is 5 J/token, not below 4",
            "over budget: energy_total_j 10 J, p *; limit 5 J",
            "joules.json has 3 recorded windows for test_suite.py::test_run_out, and all are used; record more windows",
        ]
    )
    assert "Traceback" not in result.stdout.str()


def test_a_control_that_moved_excuses_what_moved_with_it(suite):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.tests(
        """
@pytest.mark.llem(TINY)
def test_load(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY, control=True)
def test_control(llm_experiment):
    llm_experiment()
"""
    )
    suite.run(suite.replay(*USUAL), "--llem-update-baseline=new").assert_outcomes(passed=2)
    result = suite.run(suite.replay(*times(1.2)))
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["not-comparable*test_control*", "*machine shifted*", "not-comparable*test_load*"])


def test_two_tests_cannot_share_a_baseline(suite):
    suite.tests(
        """
@pytest.mark.llem(config=TINY, id="decode", repeats=3)
@pytest.mark.parametrize("tokens", [4, 5])
def test_one(llm_experiment, tokens):
    llm_experiment(max_output_tokens=tokens, min_output_tokens=tokens)

@pytest.mark.llem(config=TINY, id="decode", repeats=3)
def test_two(llm_experiment):
    llm_experiment(max_output_tokens=5, min_output_tokens=5)
"""
    )
    result = suite.run(suite.replay(5, 5, 5))
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        ["id 'decode' with this configuration belongs to test_suite.py::test_one?5? already; give each test its own id"]
    )


def test_a_very_long_id_gives_files_within_255_bytes(suite):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.tests(
        """
@pytest.mark.llem(TINY)
@pytest.mark.parametrize("x", ["\u00e9" * 200])
def test_it(llm_experiment, x):
    llm_experiment()
"""
    )
    suite.run(suite.replay(*USUAL)).assert_outcomes(passed=1)
    files = [path.name for path in (suite.path / ".llem").glob("*/*.json")]
    assert len(files) == 4
    assert max(len(name.encode()) for name in files) <= 255


def test_hooks_change_the_machine_the_config_and_the_meter_and_hear_the_verdict(suite):
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.write(
        "conftest.py",
        """
from llenergymeasure.domain.energy import EnergyReading

class Strip:
    name, devices = "strip", ("socket",)
    def open_window(self):
        return self
    def close(self, start_s, end_s):
        return EnergyReading(meter="strip", energy_j=8.0, method="counter", n_readings=99)
    def abandon(self):
        pass
    def release(self):
        pass

def pytest_llem_make_meter(config, name):
    return Strip()

def pytest_llem_modify_config(item, config):
    return config.model_copy(update={"random_seed": 99})

def pytest_llem_fingerprint(config, fingerprint):
    fingerprint["rack"] = "B"

def pytest_llem_verdict(item, verdict):
    print("HEARD", item.name, verdict.kind, [each.metric for each in verdict.judgements])
""",
    )
    suite.one_test()
    result = suite.run("-s", "-o", "llem_min_window=0", "--llem-update-baseline=new")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*HEARD test_energy new ?'energy_per_output_token'?*"])
    hardware = suite.baseline()["hardware"]
    assert (hardware["rack"], hardware["meter"]) == ("B", "strip")
    (entry,) = entries(suite).values()
    assert entry["config"]["random_seed"] == 99
    assert entry["sessions"][0]["samples"]["energy_total_j"] == [8.0, 8.0, 8.0]
