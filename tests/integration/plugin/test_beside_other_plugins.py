"""The gate beside other plugins of pytest. They are installed into a folder of their own, and measure the backend of an example
package, which needs no torch.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from own_package import installed

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
COPY = {
    "model": "anything",
    "backend": "copy",
    "precision": "fp32",
    "n": 3,
    "max_output_tokens": 20,
    "baseline": {"enabled": False},
    "warmup": {"n_warmup": 1, "thermal_floor_seconds": 0},
}
USUAL = (10.0, 10.1, 9.9)
MORE = tuple(1.2 * joules for joules in USUAL)
TESTS = """
@pytest.mark.llem(COPY)
def test_load(llm_experiment):
    llm_experiment()

@pytest.mark.llem(COPY, overrides={"random_seed": 7})
def test_other_load(llm_experiment):
    llm_experiment()
"""
BESIDE = {
    "xdist": ("-p", "xdist.plugin", "-n0"),
    "rerunfailures": ("-p", "pytest_rerunfailures", "--reruns=1"),
    "randomly": ("-p", "pytest_randomly", "--randomly-seed=5"),
    "timeout": ("-p", "pytest_timeout", "--timeout=200"),
    "cov": ("-p", "pytest_cov.plugin", "--cov=.", "--cov-report=term"),
    "html": ("-p", "pytest_metadata.plugin", "-p", "pytest_html.plugin", "--html=report.html", "--self-contained-html"),
    "asyncio": ("-p", "pytest_asyncio.plugin",),
    "split": ("-p", "pytest_split.plugin", "--splits=1", "--group=1"),
    "benchmark": ("-p", "pytest_benchmark.plugin"),
    "sugar": ("-p", "pytest_sugar",),
    "hypothesis": ("-p", "_hypothesis_pytestplugin",),
}  # fmt: skip
ALL = [argument for arguments in BESIDE.values() for argument in arguments]


@pytest.fixture(scope="session")
def plugins(tmp_path_factory):
    """A folder with the other plugins and the example package; where they cannot be installed, the reason."""
    folder = tmp_path_factory.mktemp("plugins")
    wanted = ("-c", str(ROOT / "constraints.txt"), "-r", str(ROOT / "requirements-plugins.txt"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode != 0:
        pytest.skip(f"the other plugins cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    installed.install(folder)
    return folder


@pytest.fixture
def beside(suite, plugins):
    """Runs pytest with --llem and chosen plugins; `beside(joules, *arguments)`."""
    suite.monkeypatch.setenv("PYTHONPATH", installed.python_path(plugins))
    suite.monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    suite.write("pytest.ini", "[pytest]\nllem_repeats = 3\n")

    def run(joules, *arguments):
        ours = ("-p", "pytest_llem.plugin", "-p", "no:cacheprovider", "--llem", "-rs")
        return suite.pytester.run(sys.executable, "-m", "pytest", *ours, suite.replay(*joules), *arguments)

    return run


def write(suite, text=TESTS):
    suite.write("test_suite.py", f"import pytest\nCOPY = {COPY!r}\n\n{text}")


@pytest.mark.parametrize("arguments", [*BESIDE.values(), ALL], ids=[*BESIDE, "all at once"])
def test_a_gate_is_written_passes_and_catches_a_regression(suite, beside, arguments):
    write(suite)
    beside(USUAL, *arguments, "--llem-update-baseline=new").assert_outcomes(passed=2)
    (entry, other) = suite.baseline()["entries"].values()
    assert [len(each) for each in (entry, other)] == [1, 1]
    usual = beside(USUAL, *arguments, "--llem-json=usual.json", "--llem-strict")
    assert usual.ret == 0
    assert suite.report("usual.json")["complete"] is True
    worse = beside(MORE * 4, *arguments, "--llem-json=worse.json")
    assert worse.ret == pytest.ExitCode.TESTS_FAILED
    assert suite.report("worse.json")["counts"] == {"regression": 2}
    worse.stdout.fnmatch_lines(["*regression: energy_per_output_token*"])


def test_rerunfailures_only_the_last_attempt_enters_the_baseline(suite, beside):
    write(
        suite,
        """
attempts = []

@pytest.mark.llem(COPY)
def test_flaky(llm_experiment):
    attempts.append(1)
    llm_experiment()
    assert len(attempts) > 1
""",
    )
    arguments = (*BESIDE["rerunfailures"], "--llem-update-baseline=append")
    beside((*MORE, *USUAL), *arguments).assert_outcomes(passed=1)
    ((entry,),) = [list(by_hash.values()) for by_hash in suite.baseline()["entries"].values()]
    (session,) = entry["sessions"]
    assert session["samples"]["energy_total_j"] == list(USUAL)


def test_timeout_ends_a_test_as_a_failure_with_its_cause(suite, beside):
    write(
        suite,
        """
import time

@pytest.mark.llem(COPY)
def test_that_imports_everything(llm_experiment):
    llm_experiment()

@pytest.mark.llem(COPY, overrides={"random_seed": 7})
@pytest.mark.timeout(10)
def test_hanging(llm_experiment):
    llm_experiment()
    time.sleep(600)

@pytest.mark.llem(COPY, overrides={"random_seed": 8})
def test_after(llm_experiment):
    llm_experiment()
""",
    )
    suite.monkeypatch.setenv("GITHUB_ACTIONS", "true")
    result = beside(USUAL, "-p", "pytest_timeout", "--llem-update-baseline=new")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["::error file=*test_suite.py*test_hanging::Failed: Timeout*10.0s*"])
    names = {test.partition("::")[2] for test in suite.baseline()["entries"]}
    assert names == {"test_that_imports_everything", "test_after"}


def test_randomly_a_control_still_runs_first(suite, beside):
    write(
        suite,
        TESTS + "\n@pytest.mark.llem(COPY, control=True)\ndef test_control(llm_experiment):\n    llm_experiment()\n",
    )
    for seed in range(4):
        result = beside(USUAL, "-p", "pytest_randomly", f"--randomly-seed={seed}", "-v")
        result.assert_outcomes(passed=3)
        first = next(line for line in result.outlines if "PASSED" in line)
        assert "test_control" in first


def test_html_shows_the_message_of_a_regression(suite, beside):
    write(suite)
    beside(USUAL, "--llem-update-baseline=new").assert_outcomes(passed=2)
    beside((*MORE, *MORE), *BESIDE["html"]).assert_outcomes(failed=2)
    assert "regression: energy_per_output_token" in (suite.path / "report.html").read_text()


def test_asyncio_a_coroutine_measures_experiments_and_windows(suite, beside):
    write(
        suite,
        """
import asyncio

@pytest.mark.asyncio
@pytest.mark.llem(COPY)
async def test_async(llm_experiment, energy_meter):
    async with energy_meter.window("outer") as outer:
        await asyncio.sleep(0)
    assert outer.valid
    llm_experiment()
""",
    )
    beside((5.0, *USUAL), "-p", "pytest_asyncio.plugin", "--llem-update-baseline=new").assert_outcomes(passed=1)
    assert len(suite.baseline()["entries"]) == 1


def test_split_groups_write_into_one_baseline(suite, beside):
    write(suite)
    for group in (1, 2):
        arguments = ("-p", "pytest_split.plugin", "--splits=2", f"--group={group}")
        beside(USUAL, *arguments, "--llem-update-baseline=new").assert_outcomes(passed=1, deselected=1)
    assert len(suite.baseline()["entries"]) == 2


def test_benchmark_and_a_window_measure_one_test(suite, beside):
    write(
        suite,
        """
def test_both(benchmark, energy_meter):
    with energy_meter.window("benchmarked") as window:
        benchmark(sum, range(100))
    assert window.energy_j == 10.0
""",
    )
    beside(USUAL, "-p", "pytest_benchmark.plugin").assert_outcomes(passed=1)


def test_subtests_of_pytest_a_failed_one_keeps_the_test_out_of_the_baseline(suite, beside):
    write(
        suite,
        """
@pytest.mark.llem(COPY)
def test_with_subtests(llm_experiment, subtests):
    run = llm_experiment()
    for limit in (5, 1):
        with subtests.test(limit=limit):
            assert run.samples("energy_total_j")[0] > 100 / limit - 90 * (limit == 1)

@pytest.mark.llem(COPY, overrides={"random_seed": 7})
def test_that_passes(llm_experiment, subtests):
    run = llm_experiment()
    with subtests.test("fine"):
        assert run.verdict == "new"
""",
    )
    result = beside(USUAL, "--llem-update-baseline=new")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert list(suite.baseline()["entries"]) == ["test_suite.py::test_that_passes"]


def test_hypothesis_measures_each_example(suite, beside):
    write(
        suite,
        """
from hypothesis import HealthCheck, Phase, given, settings, strategies

@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], phases=[Phase.generate],
    deadline=None, derandomize=True, max_examples=3,
)
@given(n=strategies.integers(1, 4))
@pytest.mark.llem(COPY, gate=False)
def test_sizes(llm_experiment, n):
    assert llm_experiment(n=n).result.n_prompts == n
""",
    )
    result = beside(USUAL * 3, *BESIDE["hypothesis"], "--llem-json=report.json")
    result.assert_outcomes(passed=1)
    assert len(suite.report()["tests"][0]["experiments"]) == 3


def test_under_xdist_is_refused_and_plain_windows_are_measured(suite, beside):
    write(suite, "def test_plain(energy_meter):\n    with energy_meter.window():\n        pass\n")
    refused = beside(USUAL, "-p", "xdist.plugin", "-n", "2")
    assert refused.ret == pytest.ExitCode.USAGE_ERROR
    assert "add -n0" in refused.stderr.str()


def test_nox_runs_a_gate_in_a_session(suite, beside):
    write(suite)
    beside(USUAL, "--llem-update-baseline=new").assert_outcomes(passed=2)
    program = json.dumps(
        [sys.executable, "-m", "pytest", "-p", "pytest_llem.plugin", "-p", "no:cacheprovider", "--llem"]
    )
    suite.write(
        "noxfile.py",
        f"""
import nox

@nox.session(venv_backend="none")
def gate(session):
    session.run(*{program}, *session.posargs, external=True)
""",
    )
    for joules, code in ((USUAL, 0), ((*MORE, *MORE), 1)):
        options = ("-s", "gate", "--", suite.replay(*joules), "--llem-strict")
        done = suite.pytester.run(sys.executable, "-m", "nox", "-f", "noxfile.py", *options)
        assert done.ret == code
        assert ("2 passed" in done.stdout.str()) == (code == 0)


def test_all_plugins_load_by_themselves(suite, beside):
    write(suite)
    suite.monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    places = [os.environ["PYTHONPATH"], str(ROOT / "src")]
    suite.monkeypatch.setenv("PYTHONPATH", os.pathsep.join(places))
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--llem", "-n0", suite.replay(*USUAL))
    suite.pytester.run(*command, "--llem-update-baseline=new").assert_outcomes(passed=2)
    assert suite.pytester.run(*command, "--llem-strict").ret == 0
