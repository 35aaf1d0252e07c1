"""What a worker writes into its own journal: that it began, the rows of its runs, and that it ended.

A line has a checksum, as in the journal of a study.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.study.runs import RunFailure, RunRow
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.files.journal import read_lines
from llenergymeasure.study.files.manifest import StudyEnvironment


class Began(Frozen):
    """A worker has started, and knows where it is.

    Attributes:
        record: the kind of the line.
        start: how often a worker of this task has started, with this time; an engine may start it again elsewhere.
        host: name of its machine.
        gpus: names of its GPUs with their UUIDs; empty without a GPU.
        environment: GPUs, driver and versions.
        temperatures_c: temperature of each GPU in C, by UUID.
        clock_offset_s: time of the shared disk minus time of this machine, in s; None where it could not be read.
        at: UTC time of this machine in ISO format.
    """

    record: Literal["began"]
    start: int
    host: str
    gpus: tuple[str, ...] = ()
    environment: StudyEnvironment
    temperatures_c: dict[str, float] = {}
    clock_offset_s: float | None = None
    at: str


class Ended(Frozen):
    """A worker has ended by itself; nothing follows.

    Attributes:
        record: the kind of the line.
        at: UTC time of this machine in ISO format.
        is_interrupted: whether it was ended from outside before its last run.
        failure: why it stopped before its last run; None if it did not.
    """

    record: Literal["ended"]
    at: str
    is_interrupted: bool = False
    failure: RunFailure | None = None


Record = Began | RunRow | Ended


def read_records(journal: Path, after: int = 0) -> list[Record]:
    """The lines of a worker's journal after the first ones; none where there is no journal yet. A torn last line is left out.

    Args:
        journal: the file.
        after: number of lines that are left out.

    Raises:
        ConfigError: the file cannot be read, or a line is damaged.
    """
    if not journal.exists():
        return []
    return [_record(journal, number, data) for number, data in read_lines(journal) if number > after]


def _record(journal: Path, number: int, data: object) -> Record:
    kind: type[Record] = RunRow
    if isinstance(data, dict) and "record" in data:
        kind = Began if data["record"] == "began" else Ended
    try:
        return kind.model_validate(data)
    except ValidationError:
        raise ConfigError(
            f"{journal}, line {number} is damaged",
            "restore the file from a copy, or remove it: its runs are made again",
        ) from None
