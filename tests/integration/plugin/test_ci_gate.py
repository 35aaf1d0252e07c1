"""The example of a gate for a project of its own: its workflow, its commands and its committed baseline."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")
yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "ci_gate"
WORKFLOW = EXAMPLE / ".github" / "workflows" / "energy.yml"
MODULE = ("python", "-m")


@pytest.fixture(scope="module")
def jobs():
    return yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]


def commands(job) -> list[list[str]]:
    return [shlex.split(step["run"]) for step in job["steps"] if "run" in step]


def test_the_workflow_runs_for_pull_requests_and_may_only_read():
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    assert set(workflow[True]) == {"pull_request", "push", "workflow_dispatch"}  # YAML 1.1 reads the key `on` as true
    assert workflow["permissions"] == {"contents": "read"}


def test_a_hosted_machine_counts_and_an_own_machine_measures(jobs):
    assert jobs["work"]["runs-on"] == "ubuntu-latest"
    assert jobs["joules"]["runs-on"] == ["self-hosted", "gpu"]
    assert "--llem-energy=auto" in commands(jobs["joules"])[-1]


def test_every_job_checks_out_installs_measures_and_keeps_its_results(jobs):
    for job in jobs.values():
        uses = [step.get("uses", "").partition("@")[0] for step in job["steps"]]
        assert uses[0] == "actions/checkout"
        assert uses[-1] == "actions/upload-artifact"
        assert job["steps"][-1]["if"] == "always()"
        install, measure = commands(job)
        assert install[:4] == [*MODULE, "pip", "install"]
        assert measure[:4] == [*MODULE, "pytest", "--llem"]


def test_every_extra_that_a_job_installs_exists(jobs):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for job in jobs.values():
        name, extras = re.match(r"([\w-]+)\[([\w,]+)\] @ \$", commands(job)[0][4]).groups()
        assert name == project["name"]
        assert set(extras.split(",")) <= set(project["optional-dependencies"])


@pytest.fixture
def copy(tmp_path):
    """The folder as a user copies it."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "project"))


@pytest.mark.parametrize("job", ["work", "joules"])
def test_pytest_knows_every_option_of_a_job(run, copy, jobs, job):
    arguments = commands(jobs[job])[1][4:]
    code, out = run(copy, *arguments, "--collect-only", "-q")
    assert code == 0, out
    assert "decode.llem.yaml::answer-one" in out


@pytest.mark.torch
def test_the_gate_passes_with_its_baseline_and_fails_when_the_baseline_has_fewer_tokens(run, copy, jobs):
    arguments = commands(jobs["work"])[1][4:]
    code, out = run(copy, *arguments)
    assert code == 0, out
    assert "2 ok" in out
    (baseline,) = (copy / "llem-baselines").iterdir()
    fewer = json.loads(baseline.read_text(encoding="utf-8"))
    for entry in fewer["entries"]["decode.llem.yaml::answer-two"].values():
        for session in entry["sessions"]:
            session["samples"]["output_tokens"] = [15.0, 15.0, 15.0]
    baseline.write_text(json.dumps(fewer), encoding="utf-8")
    code, out = run(copy, *arguments)
    assert code == 1, out
    assert re.search(r"^regression +output_tokens", out, re.MULTILINE), out
