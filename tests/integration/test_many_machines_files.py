"""The files to copy for clusters: they parse, and `llem` understands their lines."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from llenergymeasure.cli.app import app

PLACE = Path(__file__).resolve().parents[2] / "examples" / "many-machines"
JOB, TASK = "kubernetes-job.yaml", "skypilot.yaml"
MANIFESTS = sorted(path.name for path in PLACE.glob("*.yaml"))


def content(name: str) -> Any:
    return yaml.safe_load((PLACE / name).read_text(encoding="utf-8"))


def container() -> Any:
    (found,) = content(JOB)["spec"]["template"]["spec"]["containers"]
    return found


def scripts() -> dict[str, str]:
    """The shell scripts of the files, by the name of the file."""
    shells = {path.name: path.read_text(encoding="utf-8") for path in PLACE.glob("*.sh")}
    task = content(TASK)
    return {**shells, JOB: container()["args"][0], TASK: task["setup"] + task["run"]}


def lines_of_llem(script: str) -> list[str]:
    """The calls of `llem` in a script, with values in place of its variables."""
    whole = re.sub(r"\\\n\s*", " ", script)
    found = re.findall(r"^\s*(?:exec )?(llem run .*?)\s*(?:#.*)?$", whole, re.MULTILINE)
    return [re.sub(r'"?\$\{?\w+(\[@\])?\}?"?', "value", line.replace('"${again[@]}"', "--resume")) for line in found]


# What tests/slurm runs.
SBATCH = "slurm.sbatch"


@pytest.mark.parametrize("name", [*sorted(scripts()), SBATCH])
def test_a_script_is_valid_for_bash(name):
    bash = shutil.which("bash")
    assert bash is not None
    text = (PLACE / SBATCH).read_text(encoding="utf-8") if name == SBATCH else scripts()[name]
    subprocess.run([bash, "-n"], input=text, text=True, check=True)


@pytest.mark.parametrize("name", sorted(scripts()))
def test_llem_understands_its_line(name):
    lines = lines_of_llem(scripts()[name])
    assert lines
    command = typer.main.get_command(app).commands["run"]
    for line in lines:
        command.make_context("run", shlex.split(line)[2:])


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_is_one_document(name):
    assert isinstance(content(name), dict)


def test_the_job_mounts_what_its_line_uses_and_has_a_gpu_for_each_cycle():
    (line,) = lines_of_llem(container()["args"][0])
    words = shlex.split(line)
    mounts = {each["mountPath"] for each in container()["volumeMounts"]}
    assert {words[words.index("--output") + 1], str(Path(words[2]).parent)} <= mounts
    volumes = {each["name"] for each in content(JOB)["spec"]["template"]["spec"]["volumes"]}
    assert {each["name"] for each in container()["volumeMounts"]} == volumes
    assert int(words[words.index("--parallel") + 1]) == container()["resources"]["limits"]["nvidia.com/gpu"]


def test_the_task_of_skypilot_writes_into_its_volume_and_names_a_study_that_exists():
    task = content(TASK)
    (line,) = lines_of_llem(task["run"])
    words = shlex.split(line)
    assert words[words.index("--output") + 1] in task["volumes"]
    assert (PLACE.parents[1] / task["envs"]["STUDY"]).is_file()
