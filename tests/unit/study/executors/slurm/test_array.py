"""A job array and its script."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from fake_slurm import options_of
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.executors.slurm.array import JobArray, arrays_of, script

TASKS = Path("/shared/results/sizes_2026/tasks")


def tasks(*names: str) -> list[Path]:
    return [TASKS / f"{name}.json" for name in names]


def an_array(place: Path = TASKS, **fields) -> JobArray:
    return JobArray(**{"tasks": place, "submission": 1, "cycles": (1, 2), "parameters": {}, **fields})


def test_cycles_of_one_submission_are_one_array():
    first, second = arrays_of(tasks("c1.1", "c2.1", "c3.2", "c4.1"), {"partition": "gpu"}, 2)
    assert (first.submission, first.cycles, first.at_once) == (1, (1, 2, 4), 2)
    assert (second.submission, second.cycles) == (2, (3,))
    assert first.parameters == {"partition": "gpu"}
    assert [first.task(2), second.task(3)] == tasks("c2.1", "c3.2")


def test_a_path_with_a_new_line_is_refused():
    with pytest.raises(ConfigError, match="cannot be a task of Slurm; choose another --output"):
        arrays_of([Path("/a\nb/tasks/c1.1.json")], {})


def test_the_name_of_a_job_differs_between_studies_and_submissions():
    others = [an_array(submission=2), an_array(Path("/other/sizes_2026/tasks")), an_array()]
    assert len({each.name for each in others}) == 3
    assert an_array().name == an_array(cycles=(2,)).name
    assert an_array().name.startswith("sizes_2026.")


def test_the_parameters_of_a_user_are_added():
    found = an_array(parameters={"partition": "gpu", "exclusive": ""}, at_once=3).all_parameters
    assert found["array"] == "1,2%3"
    assert found["output"] == f"{TASKS}/c%a.1.log"
    assert (found["partition"], found["exclusive"], found["requeue"]) == ("gpu", "", "")


def test_a_cycle_need_not_be_started_again():
    found = an_array(parameters={"no-requeue": ""}).all_parameters
    assert "no-requeue" in found
    assert "requeue" not in found


def test_a_percent_sign_of_a_path_stays():
    assert an_array(Path("/a%b/s/tasks")).all_parameters["output"] == "/a%%b/s/tasks/c%a.1.log"


def test_the_script_has_the_parameters_and_the_command_that_collects():
    array = an_array(parameters={"comment": "two words", "exclusive": ""})
    text = script(array, "/opt/python")
    assert "#   llem run --resume /shared/results/sizes_2026 --executor slurm\n" in text
    options = options_of(text)
    assert options["array"] == "1,2"
    assert options["comment"] == "'two words'"
    assert options["exclusive"] == ""


def run_script(place: Path, python: str, element: str = "2") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash"], input=script(an_array(place), python), env={"SLURM_ARRAY_TASK_ID": element, "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_an_element_runs_the_task_of_its_cycle(tmp_path):
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    done = run_script(Path("/a 'b'/tasks"), str(python))
    assert done.stdout.splitlines() == ["-m", "llenergymeasure.study.executors.worker", "/a 'b'/tasks/c2.1.json"]


def test_an_element_says_that_its_node_has_no_such_python():
    done = run_script(TASKS, "/missing/python")
    assert done.returncode == 127
    assert "has no /missing/python: install llenergymeasure where every node sees it" in done.stderr
