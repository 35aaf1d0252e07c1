"""A backend and a meter of another package: `llem run`, `llem config` and the plugin find them by their entry points."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from own_package import installed

EXPERIMENT = """
model: anything
backend: copy
precision: fp32
n: 3
max_output_tokens: 20
energy: {backend: wall-plug}
baseline: {enabled: false}
warmup: {n_warmup: 1, thermal_floor_seconds: 0}
"""
SUITE = """
import pytest

@pytest.mark.llem("copy.yaml", fail_on={"output_tokens": "1%"})
def test_copy(llm_experiment):
    result = llm_experiment().result
    assert (result.meter.name, result.output_tokens) == ("wall-plug", 60)

def test_window(energy_meter):
    with energy_meter.window() as window:
        pass
    assert (energy_meter.name, window.method) == ("wall-plug", "sampled")
"""
# Fails where entry points of ours are read; pydantic reads some of its own.
UNREAD = """
import importlib.metadata
import sys

read = importlib.metadata.entry_points

def entry_points(**params):
    assert not params.get("group", "llenergymeasure").startswith("llenergymeasure"), params
    return read(**params)

importlib.metadata.entry_points = entry_points
from llenergymeasure import ExperimentConfig
from llenergymeasure.cli.entry import main
from llenergymeasure.orchestration.orchestrator import Session, findings_with_torch
ExperimentConfig(model="builtin/tiny-llama", backend="pytorch", energy={"backend": "auto"})
sys.argv = ["llem", "run", "copy.yaml", "--dry-run", "--set", "backend=pytorch", "--set", "model=builtin/tiny-llama",
    "--set", "energy.backend=null"]
sys.exit(main())
"""


@pytest.fixture
def program(tmp_path):
    """Runs Python in a folder with an experiment; `program(points=...)` with other entry points of the package."""
    (tmp_path / "copy.yaml").write_text(EXPERIMENT)

    def run(*arguments, packages=("llem-copy",), points=None, **environ):
        place = tmp_path / "site"
        if not place.exists():
            for name in packages:
                installed.install(place, name, points)
        every = {**os.environ, "PYTHONPATH": installed.python_path(place), **environ}
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env=every,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    return run


def test_llem_run_measures_with_the_backend_and_the_meter_of_the_package(program, tmp_path):
    done = program("-m", "llenergymeasure", "run", "copy.yaml", "--output", "out")
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("out/*/result.json")
    result = json.loads(path.read_text())
    assert (result["config"]["backend"], result["output_tokens"]) == ("copy", 60)
    assert (result["meter"]["name"], result["energy_method"]) == ("wall-plug", "sampled")
    assert "The plug is accurate within 1 %." in str(result["reproducibility_notes"])
    planned = program("-m", "llenergymeasure", "run", "copy.yaml", "--dry-run")
    assert planned.returncode == 0, planned.stderr


@pytest.mark.slow
def test_the_lists_show_them_with_their_version(program):
    listed = program("-m", "llenergymeasure", "config").stdout.splitlines()
    assert {"  copy: available", "  wall-plug: available"} <= set(listed)
    version = program("-m", "llenergymeasure", "--version").stdout
    assert version.count("(llem-copy 0.3)") == 2


@pytest.mark.slow
def test_a_wrong_name_or_request_lists_what_the_package_offers(program):
    wrong = program("-m", "llenergymeasure", "run", "copy.yaml", "--set", "backend=copi")
    assert wrong.returncode == 2
    assert "backend: \"copi\": valid: pytorch, vllm, tensorrt, server, copy; did you mean 'copy'?" in wrong.stderr
    unsupported = program("-m", "llenergymeasure", "run", "copy.yaml", "--set", "precision=bf16")
    assert unsupported.returncode == 2
    assert "precision 'bf16' is not supported by backend 'copy'; valid: fp32" in unsupported.stderr


def test_the_plugin_measures_with_them(program, tmp_path):
    (tmp_path / "test_suite.py").write_text(SUITE)
    pytest_ = (
        "-m",
        "pytest",
        "-p",
        "pytest_llem.plugin",
        "-p",
        "no:cacheprovider",
        "--llem",
        "-o",
        "llem_min_window=0",
    )
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = program(*pytest_, "--llem-energy=wall-plug", **alone)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    wrong = program(*pytest_, "--llem-energy=wall", **alone)
    assert wrong.returncode == pytest.ExitCode.USAGE_ERROR
    names = "auto, nvml, zeus, rapl, codecarbon, null, wall-plug, replay:FILE"
    assert wrong.stderr.strip() == f"ERROR: --llem-energy: 'wall' is not one of {names}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("points", "packages", "words"),
    [
        (
            "[llenergymeasure.backends]\ncopy = llem_copy.missing:BACKEND\n",
            ("llem-copy",),
            "backend 'copy' of package llem-copy 0.3 cannot be loaded (ModuleNotFoundError: No module named "
            "'llem_copy.missing'); repair or uninstall the package",
        ),
        (
            "[llenergymeasure.backends]\ncopy = llem_copy:METER\n",
            ("llem-copy",),
            "backend 'copy' of package llem-copy 0.3 is MeterEntry, not BackendEntry; its entry point llem_copy:METER "
            "must name a BackendEntry",
        ),
        (
            "[llenergymeasure.backends]\ncopy = llem_copy:BACKEND\n",
            ("llem-copy", "llem-copy-again"),
            "backend 'copy' of packages llem-copy 0.3, llem-copy-again 0.3 has several definitions; uninstall "
            "all but one",
        ),
    ],
    ids=["broken", "no entry", "twice"],
)
def test_a_package_that_cannot_be_used_is_one_clear_message(program, points, packages, words):
    done = program("-m", "llenergymeasure", "run", "copy.yaml", packages=packages, points=points)
    assert (done.returncode, done.stderr.splitlines()[-1]) == (2, f"error: {words}")
    assert "Traceback" not in done.stderr
    assert f"  copy: {words}" in program("-m", "llenergymeasure", "config").stdout.splitlines()


@pytest.mark.slow
def test_a_name_that_is_built_in_is_not_taken_over(program):
    points = "[llenergymeasure.meters]\nnvml = llem_copy:METER\n"
    listed = program("-m", "llenergymeasure", "config", points=points).stdout
    assert (
        "  nvml of package llem-copy 0.3: meter 'nvml' of package llem-copy 0.3 has the name of a built-in one"
        in listed
    )


def test_entry_points_are_not_read_for_what_is_built_in(program):
    done = program("-c", UNREAD)
    assert done.returncode == 0, done.stderr
