"""The files of a study's folder.

```
{name}_{time}/
    study.yaml            the configuration as given
    resolved.json         the same with every cell
    manifest.json         the frozen run table
    journal.jsonl         the changes of the runs' states
    runs/{run id}/        result.json, timeseries.parquet, log.txt
    tasks/c{cycle}.{n}.*  of a study on several device groups: the task, journal and log of each worker
    study.json            the study as a whole
    runs.csv              one row per run
    runs.parquet          the same
```
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from shlex import quote
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from llenergymeasure._files import ensure_directory, write_atomic
from llenergymeasure._json import read_json_file
from llenergymeasure.config.messages.format import cut
from llenergymeasure.domain.base import json_of
from llenergymeasure.domain.files.folder import RESULT_FILE, TIMESERIES_FILE, as_saved
from llenergymeasure.domain.files.serialise import to_json, to_parquet
from llenergymeasure.domain.result_data import ResultData
from llenergymeasure.domain.study.result import STUDY_SCHEMA_VERSION, StudyData
from llenergymeasure.exceptions import ConfigError

STUDY_FILE = "study.json"
GIVEN_FILE = "study.yaml"
RESOLVED_FILE = "resolved.json"
MANIFEST_FILE = "manifest.json"
JOURNAL_FILE = "journal.jsonl"
RUNS_FOLDER = "runs"
TASKS_FOLDER = "tasks"
LOG_FILE = "log.txt"

# pydantic repeats the value in some messages.
MOST_OF_A_MESSAGE = 300
RESTORE = "restore it from a copy"

_TASK = re.compile(r"c(?P<cycle>\d+)\.(?P<number>\d+)\.json")

S = TypeVar("S", bound=StudyData)
F = TypeVar("F", bound=BaseModel)


def run_folder(folder: Path, run_id: str) -> Path:
    """The folder of one run."""
    return folder / RUNS_FOLDER / run_id


def result_path(run_id: str) -> str:
    """The path of a run's result relative to the study's folder."""
    return f"{RUNS_FOLDER}/{run_id}/{RESULT_FILE}"


def task_names(folder: Path) -> list[str]:
    """The names of a study's tasks, such as `c2.1`, by cycle and number; none for a study whose runs were made by one process."""
    return [f"c{cycle}.{number}" for cycle, number in _tasks(folder)]


def task_cycles(folder: Path) -> set[int]:
    """The cycles of a study that were handed out to workers."""
    return {cycle for cycle, _ in _tasks(folder)}


def _tasks(folder: Path) -> list[tuple[int, int]]:
    """Cycle and number of each task."""
    found = (_TASK.fullmatch(path.name) for path in (folder / TASKS_FOLDER).glob("c*.json"))
    return sorted((int(match["cycle"]), int(match["number"])) for match in found if match)


def write_result(result: ResultData, folder: Path, run_id: str) -> str:
    """Write the result of a run; result.json comes last, so a run with it is complete. Returns its relative path.

    Raises:
        LLEMError: the folder cannot be written (ConfigError) or the disk is full.
    """
    place = run_folder(folder, run_id)
    ensure_directory(place)
    if result.timeseries is not None:
        to_parquet(result, place / TIMESERIES_FILE)
    to_json(as_saved(result), place / RESULT_FILE)
    return result_path(run_id)


def write_study(study: StudyData, folder: Path) -> Path:
    """Write study.json; replaces an earlier one. Returns its path.

    Raises:
        LLEMError: the folder cannot be written (ConfigError) or the disk is full.
    """
    ensure_directory(folder)
    write_atomic(folder / STUDY_FILE, study_json(study))
    return folder / STUDY_FILE


def study_json(study: StudyData) -> str:
    """The study as JSON."""
    return json_of(study, indent=1, by_alias=True).decode() + "\n"


def read_study(folder: Path, kind: type[S]) -> S:
    """Read study.json of a folder.

    Raises:
        ConfigError: it is missing, not JSON, or not a study of this schema.
    """
    path, is_continued = folder / STUDY_FILE, (folder / MANIFEST_FILE).exists()
    if is_continued and not path.exists():
        raise ConfigError(f"the study in {folder} has not ended", resume_command(folder))
    fix = f"{resume_command(folder)} writes it again" if is_continued else RESTORE
    return read_frozen(path, kind, STUDY_SCHEMA_VERSION, fix)


def resume_command(folder: Path) -> str:
    """The command that continues the study in a folder, for a shell."""
    return f"llem run --resume {quote(str(folder))}"


def read_frozen(
    path: Path,
    kind: type[F],
    version: str | None = None,
    fix: str = RESTORE,
    read: Callable[[Path], Any] = read_json_file,
) -> F:
    """Read a file of JSON as data of a type.

    Args:
        path: the file.
        kind: the type.
        version: the schema version that the file must have; None = it has none.
        fix: what to do when the file is missing or damaged.
        read: reads the JSON of the file.

    Raises:
        ConfigError: it is missing, not JSON, or not of this type and version.
    """
    try:
        data = read(path)
    except OSError as error:
        raise ConfigError(f"cannot read {path} ({error.strerror})", fix) from error
    except ValueError as error:
        raise ConfigError(f"{path} is damaged: {error}", fix) from error
    found = data.get("schema_version") if isinstance(data, dict) else version
    if version is not None and found != version:
        raise ConfigError(f"{path} has schema_version {found!r}", f"this release reads {version!r}")
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "file"
        raise ConfigError(f"{path} is damaged: {place}: {cut(first['msg'], MOST_OF_A_MESSAGE)}", fix) from error
