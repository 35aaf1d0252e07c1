"""The commands of the README and of other pages work as they stand, on a configuration that is small enough for a test."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONFIG = """\
model: builtin/tiny-llama
precision: fp32
n: 3
max_input_tokens: 8
max_output_tokens: 2
min_output_tokens: 2
energy: {backend: "null"}
baseline: {enabled: false}
warmup: {n_warmup: 1, thermal_floor_seconds: 0}
"""
STUDY = (
    CONFIG
    + """\
sweep:
  pytorch.batch_size: [1, 3]
execution: {n_cycles: 2, experiment_gap_seconds: 0, cycle_gap_seconds: 0}
"""
)
RESUME = "llem run study.yaml --resume --cycles 5"
COMPARE = "llem compare results/a results/b"


def commands_of(text):
    return [line.partition("  ")[0] for line in text.splitlines() if line.startswith("llem ")]


COMMANDS = commands_of(README)
# tests/slurm submits and collects studies.
ON_A_CLUSTER = "llem run study.yaml --executor slurm --detach"
PAGES = ("quickstart.md", "report.md", "studies.md")
# Of the pages, what the README does not have; real_model.yaml has a test of its own.
FURTHER = sorted(
    {command for page in PAGES for command in commands_of((ROOT / "docs" / page).read_text(encoding="utf-8"))}
    - {*COMMANDS, "llem run examples/real_model.yaml"}
)


@pytest.fixture
def place(tmp_path):
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def shell(quick, place):
    """A shell whose `llem`, `python` and `pytest` are forked."""
    environ = {**os.environ, "PATH": f"{quick.bin}:{os.environ['PATH']}", "HOME": str(place), "OMP_NUM_THREADS": "1"}

    def run(*command):
        return subprocess.run(command, cwd=place, env=environ, capture_output=True, text=True, check=False)

    return lambda command: run("bash", "-o", "pipefail", "-c", command)


def block_with(words):
    """The code block that holds these words."""
    (found,) = [block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if words in block]
    return found


def test_there_are_commands_to_try():
    assert len(COMMANDS) == 10
    assert {RESUME, COMPARE, ON_A_CLUSTER} < set(COMMANDS)


def of_one_experiment():
    return [command for command in COMMANDS if "study.yaml" not in command and command != COMPARE]


@pytest.mark.parametrize("command", of_one_experiment())
def test_a_command_of_the_readme_works(shell, place, command):
    done = shell(command)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    written = sorted(path.name for path in place.glob("results/*/*"))
    if "--dry-run" in command or command == "llem config":
        assert written == []
    else:
        assert written == ["result.json"]


@pytest.mark.slow
def test_the_commands_of_studies_work_one_after_another(place):
    (place / "study.yaml").write_text(STUDY)
    environ = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}

    def llem(command):
        return subprocess.run(shlex.split(command), cwd=place, env=environ, capture_output=True, text=True, check=False)

    here = (command for command in COMMANDS if "study.yaml" in command and command != ON_A_CLUSTER)
    for command in [*here, COMPARE]:
        if command == COMPARE:
            study, in_parallel = sorted(place.glob("results/*"))
            for name, run in (("a", "01.c1"), ("b", "01.c2")):
                (place / "results" / name).symlink_to(study / "runs" / run)
        done = llem(command)
        assert done.returncode == 0, done.stderr
    assert len(list(study.glob("runs/*/result.json"))) == 2 * 5
    assert len(list(in_parallel.glob("tasks/*.jsonl"))) == 2
    assert (study / "report.html").is_file()
    for command in FURTHER:
        named = command.replace("results/FOLDER", str(study)).replace("--from-result FOLDER", "--from-result results/A")
        done = llem(named.replace("results/A", "results/a").replace("results/B", "results/b"))
        assert done.returncode == 0, done.stderr


def labels(summary):
    """The names of the values in a summary: its first column."""
    return [line[:25].strip() for line in summary.partition("\nready to publish")[0].strip().splitlines()]


def test_the_quick_start_shows_the_lines_of_a_summary(shell, place):
    with_energy = CONFIG.replace('"null"', "codecarbon").replace("{enabled: false}", "{duration_seconds: 1}")
    (place / "config.yaml").write_text(with_energy)
    page = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```text\n(model .*?)```", page, re.DOTALL)
    done = shell("llem run config.yaml")
    assert labels(done.stdout) == labels(shown), done.stderr


def test_the_library_is_used_as_shown(quick, place):
    short = "n=3, precision='fp32', max_output_tokens=2, baseline={'enabled': False}, energy={'backend': 'null'}, "
    short += "warmup={'n_warmup': 1, 'thermal_floor_seconds': 0}"
    code = block_with("run_experiment").replace("n=20", short)
    done = subprocess.run([quick.python, "-c", code], cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *summary, last = done.stdout.splitlines()
    assert summary[0].startswith("model  ")
    assert last.startswith("None ")
    assert len(list(place.glob("results/*/result.json"))) == 1


def test_the_test_is_written_and_run_as_shown(shell, place):
    (place / "test_energy.py").write_text("import pytest\n\n" + block_with("pytest.mark.llem"))
    (place / "pytest.ini").write_text("[pytest]\nllem_fail_on = output_tokens:1%\nllem_repeats = 3\n")
    commands = [line.partition("  ")[0] for line in README.splitlines() if line.startswith("pytest ")]
    assert commands == ["pytest --llem --llem-update-baseline=new", "pytest --llem", "pytest --llem --llem-strict"]
    for command in commands:
        done = shell(command)
        assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert len(list(place.glob("llem-baselines/*.json"))) == 1
