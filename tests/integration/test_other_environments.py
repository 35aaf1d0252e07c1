"""Experiments and studies in another environment: a virtual environment that each test makes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest

from another_environment import EVERYTHING, environment
from llenergymeasure import run_experiment
from llenergymeasure._files import process_is_alive
from own_package import installed
from small_study import small_study
from waiting import until

pytestmark = [pytest.mark.torch, pytest.mark.slow]
pytest.importorskip("torch")

SMALL = (
    "--model", "builtin/tiny-llama", "-n", "2", "--set", "max_input_tokens=8", "--set", "max_output_tokens=4",
    "--set", "min_output_tokens=4", "--set", "energy.backend=null", "--set", "baseline.enabled=false",
    "--set", "warmup.enabled=false", "--set", "pytorch.device=cpu",
)  # fmt: skip
TWO_ENGINES = """
model: builtin/tiny-llama
precision: fp32
n: 2
max_input_tokens: 8
max_output_tokens: 4
energy: {backend: null}
baseline: {enabled: false}
warmup: {enabled: false}
pytorch: {device: cpu}
sweep: {backend: [pytorch, copy]}
execution: {n_cycles: 2, experiment_gap_seconds: 0, cycle_gap_seconds: 0}
"""
EXPERIMENT = """
model: builtin/tiny-llama
precision: fp32
n: 2
max_input_tokens: 8
max_output_tokens: 4
energy: {backend: null}
baseline: {enabled: false}
warmup: {enabled: false}
pytorch: {device: cpu}
"""
SUITE = """
import pytest

@pytest.mark.llem("experiment.yaml")
def test_it(llm_experiment):
    print("measured in", llm_experiment().result.environment_snapshot.runner)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of another environment with the same packages."""
    return environment(tmp_path_factory.mktemp("another") / "v")


@pytest.fixture
def start(python, tmp_path):
    """Starts Python in an empty folder, with the other environment as the runner of pytorch."""
    for name in ("home", "tmp", "work"):
        (tmp_path / name).mkdir()
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "LLEM_", "HF_"))}
    places = {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "HF_HUB_OFFLINE": "1"}
    runner = {"LLEM_RUNNER_PYTORCH": f"python:{python}", "OMP_NUM_THREADS": "1"}

    def start(*arguments, **environ):
        return subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=tmp_path / "work", env={**clean, **places, **runner, **environ},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return start


@pytest.fixture
def llem(start):
    def run(*arguments, **environ):
        process = start("llenergymeasure", *arguments, **environ)
        try:
            out, err = process.communicate(timeout=300)
        finally:
            process.kill()
        return process.returncode, out, err

    return run


def results(tmp_path):
    return [json.loads(path.read_text()) for path in sorted(tmp_path.rglob("result.json"))]


def nothing_is_left(tmp_path):
    return not any((tmp_path / "tmp").glob("llem-*"))


def test_an_experiment_is_measured_there_and_the_result_says_so(llem, python, tmp_path):
    code, _, err = llem("run", *SMALL)
    assert code == 0, err
    (result,) = results(tmp_path)
    assert result["environment_snapshot"]["runner"] == f"python:{python}"
    assert result["output_tokens"] == 8
    assert nothing_is_left(tmp_path)


def test_several_ranks_are_ranks_of_the_other_interpreter(llem, python, tmp_path):
    code, _, err = llem("run", *SMALL, "--set", "pytorch.num_processes=2")
    assert code == 0, err
    (result,) = results(tmp_path)
    own = [each["environment_snapshot"]["runner"] for each in result["process_results"]]
    assert own == [f"python:{python}"] * 2


def test_the_library_measures_there_too(python, monkeypatch):
    monkeypatch.setenv("LLEM_RUNNER_PYTORCH", f"python:{python}")
    fields = {"max_output_tokens": 4, "warmup": {"enabled": False}, "baseline": {"enabled": False}}
    result = run_experiment(
        model="builtin/tiny-llama", n=1, energy={"backend": "null"}, pytorch={"device": "cpu"}, **fields
    )
    assert result.environment_snapshot.runner == f"python:{python}"


def test_the_plugin_measures_there_too(start, python, tmp_path):
    (tmp_path / "work" / "experiment.yaml").write_text(EXPERIMENT)
    (tmp_path / "work" / "test_suite.py").write_text(SUITE)
    options = ("-p", "pytest_llem.plugin", "-p", "no:cacheprovider", "--llem", "-s", "-q", "test_suite.py")
    process = start("pytest", *options, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    assert f"measured in python:{python}" in out


@pytest.mark.parametrize("isolation", ["process", "none"])
def test_each_run_of_a_study_is_measured_there(llem, python, tmp_path, isolation):
    (tmp_path / "work" / "study.yaml").write_text(small_study(isolation))
    code, _, err = llem("run", "study.yaml", "--cycles", "1")
    assert code == 0, err
    assert [each["environment_snapshot"]["runner"] for each in results(tmp_path)] == [f"python:{python}"] * 2


def test_a_study_spans_two_environments_and_keeps_the_versions_of_each(llem, tmp_path):
    site = tmp_path / "site"
    installed.install(site)
    other = environment(tmp_path / "v", [site, installed.ROOT / "examples", *EVERYTHING])
    (tmp_path / "work" / "study.yaml").write_text(TWO_ENGINES)
    runners = {"LLEM_RUNNER_PYTORCH": "local", "LLEM_RUNNER_COPY": f"python:{other}"}
    code, _, err = llem("run", "study.yaml", PYTHONPATH=installed.python_path(site), **runners)
    assert code == 0, err
    measured = {(each["config"]["backend"], each["environment_snapshot"]["runner"]) for each in results(tmp_path)}
    assert measured == {("pytorch", "local"), ("copy", f"python:{other}")}
    (manifest,) = tmp_path.rglob("manifest.json")
    (facts,) = [each["facts"] for each in json.loads(manifest.read_text())["environments"]]
    assert facts["llem-copy of backend copy"] == "0.3"
    assert {"torch", "transformers"} < {*facts}


def test_findings_of_all_environments_come_at_once_and_nothing_is_written(llem, tmp_path):
    site = tmp_path / "site"
    installed.install(site)
    without = environment(tmp_path / "without", [])
    (tmp_path / "work" / "study.yaml").write_text(TWO_ENGINES)
    runners = {"LLEM_RUNNER_PYTORCH": f"python:{without}", "LLEM_RUNNER_COPY": "python:none/bin/python"}
    for options in ((), ("--dry-run",)):
        code, out, err = llem("run", "study.yaml", *options, PYTHONPATH=installed.python_path(site), **runners)
        assert (code, out) == (1, "")
        assert f"runner python:{without} has no llenergymeasure (not installed)" in err
        assert f"there is no file {tmp_path}/work/none/bin/python" in err
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["study.yaml"]


def test_a_dry_run_checks_there_and_names_the_runner(llem, python, tmp_path):
    code, out, err = llem("run", *SMALL, "--dry-run")
    assert (code, f"backend 'pytorch' runs in python:{python}" in out) == (0, True), out + err
    code, _, err = llem("run", *SMALL, "--set", "model=builtin/no-such", "--dry-run")
    assert (code, f"runner python:{python}: there is no built-in model" in err) == (1, True), err


def test_config_shows_the_environment_of_a_backend(llem, python):
    code, out, _ = llem("config")
    assert code == 0
    assert f"  pytorch: available, in python:{python} (Python {'.'.join(map(str, sys.version_info[:3]))}, torch " in out


def beats(tmp_path):
    return [int(path.read_text() or 0) for path in (tmp_path / "tmp").glob("llem-launch-*/rank-00000.alive")]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_at_the_end_of_the_owner_no_process_and_no_folder_remains(start, tmp_path, number, code):
    long = ("--set", "n=500", "--set", "max_output_tokens=64", "--set", "min_output_tokens=64")
    process = start("llenergymeasure", "run", *SMALL, *long)
    seen = set()

    def is_measuring():
        seen.update(beats(tmp_path))
        return any((tmp_path / "tmp").glob("llem-launch-*/*.reply"))

    assert until(is_measuring, seconds=120)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert until(lambda: not any(map(process_is_alive, seen)) and nothing_is_left(tmp_path))


def test_an_interrupted_study_ends_the_other_environment_too(start, tmp_path):
    (tmp_path / "work" / "study.yaml").write_text(
        small_study("process").replace("max_output_tokens: 4", "max_output_tokens: 900")
    )
    process = start("llenergymeasure", "run", "study.yaml", "--cycles", "9")
    seen = set()

    def is_measuring():
        seen.update(beats(tmp_path))
        return any((tmp_path / "tmp").glob("llem-launch-*/*.reply"))

    assert until(is_measuring, seconds=120)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert until(lambda: not any(map(process_is_alive, seen)) and nothing_is_left(tmp_path))
