"""Makes the runs of a study one after another.

```
 for each run without a result:  wait . record: running . measure in a fresh process . keep the result . record: completed
```

A failed run does not end the study. A failure that would happen again is not tried again in later cycles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.identity import prompt_digests
from llenergymeasure.core.machine.signals import uninterrupted
from llenergymeasure.core.quality.judgement import of_run
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.study.design import StudyDesign
from llenergymeasure.domain.study.runs import LASTING, RunFailure, RunId, RunRow
from llenergymeasure.exceptions import ExperimentError, LLEMError
from llenergymeasure.protocols import Clock
from llenergymeasure.study.files.folder import RunStore
from llenergymeasure.study.gaps import Waited, Waits
from llenergymeasure.study.plan import block_name, unused_block
from llenergymeasure.study.rows import Where, completed_row, failed_row, skipped_row

# Measures an experiment. The file takes the output of its process; None = there is none.
Measure = Callable[[ExperimentConfig, "Path | None"], ExperimentResult]
# The last lines of a process's output that are kept in the row of a failed run; its log has all of them.
LAST_LINES = 20


@dataclass(frozen=True)
class RunParts:
    """What a study needs to make its runs.

    Attributes:
        design: the cells.
        measure: measures one experiment.
        store: takes states and results.
        waits: the waits between runs.
        clock: time.
        where: where the runs are made.
        on_row: called with each run that ended, and its result if it has one.
    """

    design: StudyDesign
    measure: Measure
    store: RunStore
    waits: Waits
    clock: Clock
    where: Where
    on_row: Callable[[RunRow, ExperimentResult | None], None]


class RunTable:
    """The rows of a study while it runs.

    Args:
        rows: all rows in their order.
        lasting: by cell, the run and its failure for which later runs of the cell are not tried.
    """

    def __init__(self, rows: list[RunRow], lasting: Mapping[str, tuple[str, RunFailure]] | None = None) -> None:
        self.rows = rows
        self._lasting = lasting or {}

    def run(self, parts: RunParts) -> None:
        """Make every run without a result.

        Raises:
            LLEMError: a state or a result could not be stored, or prompts have changed; the study stops.
            KeyboardInterrupt: the run in progress was ended and is recorded as interrupted.
        """
        lasting, elsewhere = dict(self._lasting), self._blocks_elsewhere(parts.where)
        previous: RunRow | None = None
        for index, row in enumerate(self.rows):
            if row.state == "completed":
                continue
            if row.cell in lasting:
                self._end(index, skipped_row(row, *lasting[row.cell]), parts)
                continue
            block = unused_block(block_name(row.cycle, parts.where.number), elsewhere)
            self._run_one(index, block, previous, parts)
            previous = self.rows[index]
            lasting |= lasting_failures([previous])

    def _run_one(self, index: int, block: str, previous: RunRow | None, parts: RunParts) -> None:
        waited = parts.waits.before(previous, self.rows[index])
        _check_prompts(parts.design, parts.design.cell(self.rows[index].cell).config)
        row = _begun(self.rows[index], block, waited, parts)
        log = parts.store.prepare(row.run_id)
        try:
            self._record(index, row, parts)
            self._measure(index, row, log, parts)
        except Exception:
            raise
        except BaseException:
            with uninterrupted():
                if self.rows[index].state == "running":
                    self._record(index, row.model_copy(update={"state": "interrupted"}), parts)
            raise

    def _blocks_elsewhere(self, where: Where) -> set[str]:
        """The blocks that were measured in other environments. Workers may have used the name of a cycle for a part of it."""
        return {each.block for each in self.rows if each.state == "completed" and each.environment != where.environment}

    def _measure(self, index: int, row: RunRow, log: Path | None, parts: RunParts) -> None:
        began_s = parts.clock.now()
        config = parts.design.cell(row.cell).config
        try:
            result = of_run(parts.measure(config, log), row.run_id)
            _check_prompts_of(result, parts.design, config)
        except LLEMError as error:
            self._end(index, failed_row(row, failure_of(error), parts.clock.now() - began_s), parts)
        else:
            self._keep(index, row, result, parts.clock.now() - began_s, parts)

    def _keep(self, index: int, row: RunRow, result: ExperimentResult, took_s: float, parts: RunParts) -> None:
        """Store a result. It is reported also if it, or its state, cannot be stored and the study stops."""
        path = None
        try:
            with uninterrupted():
                path = parts.store.keep(row.run_id, result)
                self._record(index, completed_row(row, result, path, took_s), parts)
        except LLEMError:
            parts.on_row(completed_row(row, result, path, took_s), result)
            raise
        parts.on_row(self.rows[index], result)

    def _end(self, index: int, row: RunRow, parts: RunParts) -> None:
        self._record(index, row, parts)
        parts.on_row(row, None)

    def _record(self, index: int, row: RunRow, parts: RunParts) -> None:
        self.rows[index] = row
        parts.store.record(row)


def lasting_failures(rows: Iterable[RunRow]) -> dict[str, tuple[str, RunFailure]]:
    """By cell, a run that failed for a reason that applies to later runs of the cell too."""
    return {
        row.cell: (row.run_id, row.failure)
        for row in rows
        if row.state == "failed" and row.failure is not None and row.failure.kind in LASTING
    }


def _check_prompts(design: StudyDesign, config: ExperimentConfig) -> None:
    """Check before a run that its file of prompts is that of the design.

    Raises:
        LLEMError: the file has changed. No run that uses it could have a result.
    """
    name = str(config.dataset)
    if name in design.prompts and prompt_digests([config]).get(name) != design.prompts[name]:
        raise LLEMError(
            f"the study stopped before its next run: the prompts of {name} have changed, or cannot be read; "
            "restore the file, and resume the study"
        )


def _check_prompts_of(result: ExperimentResult, design: StudyDesign, config: ExperimentConfig) -> None:
    """Check that a run had the prompts of the design: each run reads the file again.

    Raises:
        LLEMError: the file has changed.
    """
    if result.dataset.sha256 != design.prompts.get(str(config.dataset), result.dataset.sha256):
        raise LLEMError(
            f"the prompts of {config.dataset} changed while the study ran; restore the file, and resume the study"
        )


def _begun(row: RunRow, block: str, waited: Waited, parts: RunParts) -> RunRow:
    """The row of the next attempt in a block, which begins now."""
    where = parts.where
    run = RunId(cell=row.cell, cycle=row.cycle, role=row.role, attempt=row.attempt + 1)
    return RunRow(
        run_id=str(run), place=row.place, cell=run.cell, cycle=run.cycle, role=run.role, attempt=run.attempt,
        state="running", block=block, host=where.host, environment=where.environment,
        started_at=parts.clock.utc_now().isoformat(timespec="milliseconds"), waited_s=waited.waited_s,
        skipped_s=waited.skipped_s, still_above_c=waited.above_c,
    )  # fmt: skip


def failure_of(error: LLEMError) -> RunFailure:
    """A failed run as data."""
    cause = error.cause if isinstance(error, ExperimentError) else error
    output = error.output[-LAST_LINES:] if isinstance(error, ExperimentError) else ()
    return RunFailure(kind=error.failure_kind, message=str(cause), last_lines=output)
