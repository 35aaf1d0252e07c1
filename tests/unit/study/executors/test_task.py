"""Task files."""

from __future__ import annotations

import pytest

from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.domain.files.study import task_cycles, task_names
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.executors.executor import worker_command
from llenergymeasure.study.executors.task import (
    CycleTask,
    journal_file,
    log_file,
    read_task,
    study_folder,
    task_file,
    tasks_of,
    write_task,
)


def task(cycle, number=1):
    return CycleTask(
        cycle=cycle, number=number, rows=(), since="", user_config=UserConfig(), directory=".", executor="local"
    )


def test_a_task_is_read_back_and_its_files_stand_beside_it(tmp_path):
    path = write_task(tmp_path, task(2))
    assert read_task(path) == task(2)
    assert (path, study_folder(path)) == (tmp_path / "tasks" / "c2.1.json", tmp_path)
    assert (journal_file(path).name, log_file(path).name) == ("c2.1.jsonl", "c2.1.log")


def test_tasks_come_by_cycle_and_number(tmp_path):
    for each in (task(10), task(2, 10), task(2, 9)):
        write_task(tmp_path, each)
    assert task_names(tmp_path) == ["c2.9", "c2.10", "c10.1"]
    assert task_cycles(tmp_path) == {2, 10}
    assert [each.name for each in tasks_of(tmp_path)] == task_names(tmp_path)
    assert task_names(tmp_path / "none") == []


def test_a_damaged_or_renamed_task_is_named(tmp_path):
    path = write_task(tmp_path, task(1))
    path.rename(task_file(tmp_path, "c2.1"))
    with pytest.raises(ConfigError, match=r"c2\.1\.json is of the task c1\.1"):
        list(tasks_of(tmp_path))
    task_file(tmp_path, "c2.1").write_text("{")
    with pytest.raises(ConfigError, match=r"c2\.1\.json is damaged"):
        list(tasks_of(tmp_path))


def test_the_command_of_a_worker_names_its_owner_if_it_has_one(tmp_path):
    path = tmp_path / "c1.1.json"
    program = ["python3", "-m", "llenergymeasure.study.executors.worker", str(path)]
    assert worker_command("python3", path) == program
    assert worker_command("python3", path, 7) == [*program, "7"]
