"""Controls run first and with every selection, and affect only the kind of metric that shifted."""

from __future__ import annotations

import json

import pytest

from waiting import tried

pytestmark = [pytest.mark.torch, pytest.mark.usefixtures("torch_is_loaded")]

LOADS = """
import os

@pytest.mark.llem(TINY)
def test_load(llm_experiment):
    assert "FAILING" not in os.environ
    llm_experiment()

@pytest.mark.llem(TINY, overrides={"random_seed": 2})
def test_other(llm_experiment):
    llm_experiment()

def test_plain():
    pass
"""
CONTROL = """
@pytest.mark.llem(TINY, control=True, overrides={"random_seed": 3})
def test_control(llm_experiment):
    llm_experiment()
"""
REVERSED = """
import pytest

@pytest.hookimpl(%s)
def pytest_collection_modifyitems(items):
    %sitems.sort(key=lambda item: item.nodeid.startswith("test_z"))
"""
LOAD, OTHER, PLAIN = (f"test_a.py::test_{name}" for name in ("load", "other", "plain"))
CONTROLS = "test_z.py::test_control"
KEPT = f"llem: {CONTROLS} is kept, because it is a control"


@pytest.fixture
def controlled(suite):
    """A control in the last file."""
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\nllem_energy = null\nllem_fail_on = output_tokens:1%\n")
    suite.tests(LOADS, "test_a.py")
    suite.tests(CONTROL, "test_z.py")
    return suite


def order(suite, *arguments):
    result = suite.run("--collect-only", "-q", *arguments)
    return [line for line in result.outlines if "::" in line and " " not in line]


@pytest.mark.parametrize(
    "how", [("tryfirst=True", ""), ("trylast=True", ""), ("wrapper=True, tryfirst=True", "yield; ")]
)
def test_a_conftest_that_reorders_leaves_controls_first(controlled, how):
    controlled.write("conftest.py", REVERSED % how)
    assert order(controlled)[0] == CONTROLS


@pytest.mark.parametrize("option", ["--ff", "--nf"])
def test_failed_first_and_new_first_leave_controls_first(controlled, option):
    controlled.monkeypatch.setenv("FAILING", "1")
    controlled.run("-k", "load or plain", "--llem-repeats=3")
    assert order(controlled, option)[:2] == [CONTROLS, {"--ff": LOAD, "--nf": OTHER}[option]]


def test_a_selection_of_experiments_keeps_the_controls_and_names_them(controlled):
    assert order(controlled, "-k", "load") == [CONTROLS, LOAD]
    controlled.run("--collect-only", "-k", "load").stdout.fnmatch_lines([KEPT])


def test_a_selection_of_windows_keeps_the_controls(controlled):
    """Whether a window has a gate is known only when it opens."""
    controlled.tests("def test_window(energy_meter):\n    pass\n", "test_w.py")
    assert order(controlled, "-k", "window") == [CONTROLS, "test_w.py::test_window"]


@pytest.mark.parametrize(
    ("arguments", "selected"),
    [
        (["-k", "plain"], [PLAIN]),
        (["-k", "control"], [CONTROLS]),
        (["-k", "load", "--deselect", "test_z.py"], [LOAD]),
        (["-m", "llem and not slow", "-k", "load"], [LOAD]),
        (["test_a.py"], [LOAD, OTHER, PLAIN]),
    ],
    ids=["no experiment", "the control", "--deselect", "-m", "a path"],
)
def test_a_control_is_left_out_where_no_experiment_needs_it_or_the_user_excludes_it(controlled, arguments, selected):
    controlled.write("pytest.ini", "[pytest]\nmarkers = slow\n")
    assert order(controlled, *arguments) == selected


def test_a_control_of_a_suite_is_a_control(controlled):
    suite = "experiments: {load: {model: builtin/tiny-llama}, still: {model: builtin/tiny-llama, n: 3, control: true}}"
    controlled.write("energy.llem.yaml", suite)
    (controlled.path / "test_z.py").unlink()
    assert order(controlled)[0] == "energy.llem.yaml::still"


def test_the_last_failed_run_with_their_control_although_it_is_in_another_file(controlled, run):
    """In a process of its own: the experiment that failed, and its control before it."""
    code, out = run(controlled.path, "-p", "cacheprovider", "--llem-repeats=3", FAILING="1")
    assert code == 1, out
    code, out = run(controlled.path, "-p", "cacheprovider", "--llem-repeats=3", "--lf", "-v")
    assert code == 0, out
    assert [line.split()[0] for line in out.splitlines() if "PASSED" in line] == [CONTROLS, LOAD]
    assert "run-last-failure: rerun previous 1 failure" in out
    assert KEPT in out


def test_a_shift_excuses_its_own_kind_of_metric_and_never_counted_ones(suite):
    """The control needs 20 % more energy, and so does the load, which also has more FLOPs and takes more time."""
    usual = (10.0, 10.1, 9.9)
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")
    suite.tests(CONTROL, "test_z.py")
    limits = "'energy_per_output_token': '5%', 'tokens_per_second': '1%', 'flops_total': '1%'"
    suite.tests(
        f"@pytest.mark.llem(TINY, fail_on={{{limits}}})\ndef test_load(llm_experiment):\n    llm_experiment()\n"
    )

    def verdicts():
        for path in suite.baseline_files:
            path.unlink()
        assert suite.run(suite.replay(*usual), "--llem-update-baseline=new").ret == 0
        (path,) = suite.baseline_files
        content = suite.baseline()
        ((_, by_hash), *_) = [each for each in content["entries"].items() if "test_load" in each[0]]
        (samples,) = [session["samples"] for entry in by_hash.values() for session in entry["sessions"]]
        samples["flops_total"] = [value / 1.5 for value in samples["flops_total"]]
        samples["tokens_per_second"] = [1000 * value for value in samples["tokens_per_second"]]
        suite.write(path.relative_to(suite.path), json.dumps(content))
        more = [1.2 * joules for joules in usual]
        result = suite.run(suite.replay(*more, **{"test_suite.py::test_load": more * 2}), "--llem-json=report.json")
        assert result.ret == 1
        (load,) = [test for test in suite.report()["tests"] if "test_load" in test["test"]]
        return {each["metric"]: each["verdict"] for each in load["experiments"][0]["metrics"]}

    expected = {
        "energy_per_output_token": "not-comparable",
        "tokens_per_second": "regression",
        "flops_total": "regression",
    }
    tried(verdicts, lambda found: found == expected)  # the seconds are real: a stall spoils the baseline
