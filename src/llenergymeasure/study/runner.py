"""Runs a study: a new one, one that is continued in its folder, or one in memory.

```
 run table . folder with manifest . for each run: wait, fresh process, keep . analysis . study.json and tables
```
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from llenergymeasure.core.machine.signals import uninterrupted
from llenergymeasure.domain.files.study import task_cycles, write_study
from llenergymeasure.domain.results import StudyResult
from llenergymeasure.domain.study.design import Protocol, StudyDesign
from llenergymeasure.progress import Progress
from llenergymeasure.protocols import Clock
from llenergymeasure.security import sanitise_name
from llenergymeasure.study.environment import check_environment
from llenergymeasure.study.executors.handout import Handout
from llenergymeasure.study.executors.head import Head, OnRow
from llenergymeasure.study.executors.merge import late_runs
from llenergymeasure.study.executors.task import tasks_of
from llenergymeasure.study.files.folder import Configuration, Memory, RunStore, create_folder, opened_folder
from llenergymeasure.study.files.manifest import Manifest, StudyEnvironment, read_manifest, write_manifest
from llenergymeasure.study.files.resume import check_design, continued, rows_of
from llenergymeasure.study.finish import analysed
from llenergymeasure.study.gaps import Skip, Thermometer, Waits
from llenergymeasure.study.outlook import Outlook
from llenergymeasure.study.plan import pending_row, plan_runs
from llenergymeasure.study.rows import Where
from llenergymeasure.study.table import Measure, RunParts, RunTable

UNNAMED = "study"


@dataclass(frozen=True)
class Started:
    """A study whose run table is frozen.

    Attributes:
        folder: its folder; None when nothing is written.
        total: number of runs.
        left: number of runs without a result.
        labels: label of each cell by its id.
    """

    folder: Path | None
    total: int
    left: int
    labels: Mapping[str, str]


@dataclass(frozen=True)
class StudyParts:
    """What a study needs beside its design.

    Attributes:
        measure: measures one experiment; None where workers make the runs.
        clock: time.
        progress: receives each wait.
        host: name of this machine.
        environment: this machine's environment; None where the runs are made by workers.
        thermometer: reads the temperatures of the GPUs.
        skip: whether the user wants to skip a wait.
        handout: how the cycles are handed out to workers; None = this process makes the runs.
        on_start: called before the first run.
        on_row: called with each run that ended, its result if it has one, and how far the study is.
    """

    measure: Measure | None
    clock: Clock
    progress: Progress
    host: str
    environment: StudyEnvironment | None
    thermometer: Thermometer
    skip: Skip
    on_start: Callable[[Started], None]
    on_row: OnRow
    handout: Handout | None = None


def run_in_memory(design: StudyDesign, protocol: Protocol, parts: StudyParts) -> StudyResult:
    """Run a study, and write nothing."""
    manifest, store = _manifest(design, protocol, parts), Memory()
    table = RunTable([pending_row(run) for run in manifest.runs])
    parts.on_start(_started(None, design, table))
    _run(table, design, manifest, parts, store)
    return analysed(_study_of(design, manifest, table).with_results(store.results))


def run_new(
    design: StudyDesign, protocol: Protocol, parts: StudyParts, base: Path, configuration: Configuration
) -> StudyResult:
    """Run a study in a new folder.

    Args:
        design: the design.
        protocol: how the runs are made.
        parts: everything else.
        base: directory of the results.
        configuration: the configuration, to be written into the folder.

    Raises:
        LLEMError: the folder cannot be written (ConfigError), or a state or a result could not be stored.
    """
    with _closing(parts):
        folder = create_folder(base, _manifest(design, protocol, parts), configuration)
        return _run_in_folder(folder, design, protocol, parts)


def run_in_folder(
    folder: Path,
    design: StudyDesign,
    protocol: Protocol,
    parts: StudyParts,
    other_environment: bool = False,
) -> StudyResult:
    """Make the runs of a study's folder that have no result.

    Args:
        folder: the folder.
        design: the design; that of the folder must be the same.
        protocol: how the runs are made; the order of runs that are already planned stays.
        parts: everything else.
        other_environment: whether the study may be continued in another environment.

    Raises:
        ConfigError: it is the folder of another study, another process runs it, or this is another environment.
        LLEMError: a state or a result could not be stored.
    """
    with _closing(parts):
        return _run_in_folder(folder, design, protocol, parts, other_environment)


def _closing(parts: StudyParts) -> AbstractContextManager[object]:
    """Close the executor at the end of the block, also where the study could not begin."""
    return nullcontext() if parts.handout is None else closing(parts.handout.executor)


def _run_in_folder(
    folder: Path, design: StudyDesign, protocol: Protocol, parts: StudyParts, other_environment: bool = False
) -> StudyResult:
    found = read_manifest(folder)
    check_design(folder, found, design)
    with opened_folder(folder) as store:
        manifest = continued(found, design, protocol).model_copy(update={"study_id": folder.name})
        table = RunTable(rows_of(folder, manifest))
        head = Head(folder, manifest, table.rows, store.record, parts.clock, parts.progress, other_environment)
        head.collect()
        head.give_up_earlier(None if parts.handout is None else parts.handout.executor)
        manifest = _continued_here(head.manifest, folder, parts, other_environment)
        if manifest != found:
            write_manifest(manifest, folder)
        try:
            parts.on_start(_started(folder, design, table))
            if parts.handout is None:
                _run(table, design, manifest, parts, store)
            else:
                head.run(parts.handout, parts.on_row)
        finally:
            with uninterrupted():  # study.json is there before the analysis, which may be interrupted
                store.release()
                measured = _study_of(design, manifest, table).in_folder(folder)
                write_study(measured, folder)
            study = analysed(measured, tuple(late_runs(folder, tuple(tasks_of(folder)), table.rows)))
            _write(study, folder)
    return study


def _started(folder: Path | None, design: StudyDesign, table: RunTable) -> Started:
    left = sum(row.state != "completed" for row in table.rows)
    return Started(folder, len(table.rows), left, {cell.id: cell.label for cell in design.cells})


def _write(study: StudyResult, folder: Path) -> None:
    from llenergymeasure.results.study_tables import runs  # noqa: PLC0415 - pyarrow, only where a study is written

    runs.write_runs_csv(study, folder / runs.CSV_FILE)
    runs.write_runs_parquet(study, folder / runs.PARQUET_FILE)
    write_study(study, folder)


def _manifest(design: StudyDesign, protocol: Protocol, parts: StudyParts) -> Manifest:
    now = parts.clock.utc_now()
    stamp = now.isoformat(timespec="seconds")[:19].replace(":", "-")
    return Manifest(
        study_id=f"{sanitise_name(design.name or UNNAMED)}_{stamp}",
        design_hash=design.design_hash,
        prompts=design.prompts,
        started_at=now.isoformat(timespec="milliseconds"),
        protocol=protocol,
        runs=plan_runs(design, protocol, range(1, protocol.n_cycles + 1)),
        environments=() if parts.environment is None else (parts.environment,),
        temperatures_c=dict(parts.thermometer()),
    )


def _continued_here(manifest: Manifest, folder: Path, parts: StudyParts, allowed: bool) -> Manifest:
    """The run table with this environment and its GPUs, where they are new. Workers add theirs when they begin.

    Raises:
        ConfigError: it is another environment, and none other is allowed.
    """
    now, known = parts.environment, manifest.environments
    if now is None:
        return manifest
    check_environment(known, now, allowed, by_workers=bool(task_cycles(folder)))
    return manifest.model_copy(
        update={
            "environments": known if now in known else (*known, now),
            "temperatures_c": {**parts.thermometer(), **manifest.temperatures_c},
        }
    )


def _run(table: RunTable, design: StudyDesign, manifest: Manifest, parts: StudyParts, store: RunStore) -> None:
    outlook = Outlook(table.rows)
    environment = parts.environment
    assert environment is not None
    assert parts.measure is not None
    table.run(
        RunParts(
            design=design,
            measure=parts.measure,
            store=store,
            waits=Waits(
                manifest.protocol, parts.clock, parts.progress, parts.thermometer, manifest.temperatures_c, parts.skip
            ),
            clock=parts.clock,
            where=Where(parts.host, environment.digest, manifest.environments.index(environment)),
            on_row=lambda row, result: parts.on_row(row, result, outlook.ended(row)),
        )
    )


def _study_of(design: StudyDesign, manifest: Manifest, table: RunTable) -> StudyResult:
    return StudyResult(
        study_id=manifest.study_id,
        design=design,
        protocol=manifest.protocol,
        earlier_protocols=manifest.earlier_protocols,
        runs=tuple(table.rows),
    )
