"""What a worker learns about its place: what earlier workers recorded there, and how its clock differs from that of the disk."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile

from llenergymeasure.domain.files.study import JOURNAL_FILE, task_names
from llenergymeasure.domain.study.runs import RunFailure
from llenergymeasure.protocols import Clock
from llenergymeasure.study.executors.records import Began, Ended, read_records
from llenergymeasure.study.executors.task import journal_file, task_file
from llenergymeasure.study.files.journal import read_journal
from llenergymeasure.study.files.manifest import StudyEnvironment
from llenergymeasure.study.machine import Machine
from llenergymeasure.study.table import lasting_failures


@dataclass(frozen=True)
class Earlier:
    """What the other workers of a study recorded until now.

    Attributes:
        environments: where they are.
        temperatures_c: first temperature of each GPU in C, by UUID.
        ended: when the last one of them ended that was on the same GPUs, or without a GPU on the same machine; None without one.
    """

    environments: tuple[StudyEnvironment, ...] = ()
    temperatures_c: Mapping[str, float] = field(default_factory=dict)
    ended: datetime | None = None

    def ended_s_ago(self, clock: Clock) -> float | None:
        """Seconds since then; None without such a worker."""
        return None if self.ended is None else (clock.utc_now() - self.ended).total_seconds()


def earlier_workers(folder: Path, own: str, machine: Machine, since: str) -> Earlier:
    """What the other workers of a study recorded until now.

    Args:
        folder: the folder of the study.
        own: name of the task of this worker.
        machine: where it is.
        since: UTC time before which an end does not count.

    Raises:
        ConfigError: a journal is damaged.
    """
    environments: dict[str, StudyEnvironment] = {}
    temperatures_c: dict[str, float] = {}
    ended: datetime | None = None
    for name in task_names(folder):
        is_here = False
        for record in read_records(journal_file(task_file(folder, name))) if name != own else ():
            if isinstance(record, Began):
                environments[record.environment.digest] = record.environment
                temperatures_c = {**record.temperatures_c, **temperatures_c}
                is_here = record.gpus == machine.gpus and (bool(machine.gpus) or record.host == machine.host)
            elif isinstance(record, Ended) and is_here and record.at >= since:
                at = datetime.fromisoformat(record.at)
                ended = at if ended is None else max(ended, at)
    return Earlier(tuple(environments.values()), temperatures_c, ended)


def lasting_since(folder: Path, since: str) -> dict[str, tuple[str, RunFailure]]:
    """By cell, the run that failed since a time for a reason that applies to later runs of the cell too.

    Raises:
        ConfigError: the journal of the study is damaged.
    """
    rows = read_journal(folder / JOURNAL_FILE).values()
    return lasting_failures(row for row in rows if row.started_at is not None and row.started_at >= since)


def clock_offset_s(folder: Path, clock: Clock) -> float | None:
    """Time of the disk of a folder minus time of this machine in s; None where the disk cannot be written.

    On a shared disk, the times of files are those of its server. The result is exact within the duration of one write.
    """
    with suppress(OSError), TemporaryFile(dir=folder) as file:
        before = clock.utc_now().timestamp()
        file.write(b"?")
        file.flush()
        after = clock.utc_now().timestamp()
        return os.fstat(file.fileno()).st_mtime - (before + after) / 2
    return None
