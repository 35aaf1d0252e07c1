"""Continues a study in its folder: finds the folder, checks that it is the same study, and reads the states of its runs."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from shlex import quote

from llenergymeasure.config.messages.fields import set_fields
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.identity import design_hash
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.domain.files.study import (
    JOURNAL_FILE,
    MANIFEST_FILE,
    RESOLVED_FILE,
    RUNS_FOLDER,
    read_frozen,
    result_path,
    task_cycles,
)
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.study.design import Protocol, StudyDesign
from llenergymeasure.domain.study.runs import PlannedRun, RunRow
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.design import design_of
from llenergymeasure.study.files.journal import read_journal
from llenergymeasure.study.files.manifest import Manifest, read_manifest
from llenergymeasure.study.plan import pending_row, plan_runs
from llenergymeasure.study.rows import completed_row

# More differences than these are counted and not named.
NAMED = 10


def newest_folder(base: Path, design: StudyDesign) -> Path:
    """The folder of the study of this design that was started last. Folders that are damaged, or incomplete, are left out.

    Without one, the last one that differs only in the content of its prompts, which `check_design` then refuses.

    Raises:
        ConfigError: there is none.
    """
    found: list[tuple[bool, str, Path]] = []
    for path in sorted(base.glob(f"[!.]*/{MANIFEST_FILE}")):
        with suppress(ConfigError):
            manifest = read_manifest(path.parent)
            if manifest.design_hash == _hash_with(design, manifest.prompts):
                found.append((manifest.design_hash == design.design_hash, manifest.started_at, path.parent))
    if not found:
        raise ConfigError(
            f"there is no study of this design (hash {design.design_hash}) in {base}",
            "name its folder after --resume, or run it without --resume",
        )
    return max(found)[2]


def _hash_with(design: StudyDesign, prompts: Mapping[str, str]) -> str:
    """The hash that a design has with other prompts."""
    cells = [cell.config_hash for cell in design.cells]
    return design_hash(cells, design.cell(design.reference).config_hash, prompts)


def read_config(folder: Path) -> StudyConfig:
    """The configuration of a study's folder.

    Raises:
        ConfigError: it is missing or damaged.
    """
    fix = f"name the folder of a study; if this is one, give its configuration too: llem run FILE --resume {quote(str(folder))}"
    study = read_frozen(folder / RESOLVED_FILE, StudyConfig, fix=fix)
    return study.model_copy(update={"experiments": tuple(map(_as_set, study.experiments))})


def _as_set(config: ExperimentConfig) -> ExperimentConfig:
    """A cell of a file that has every field: those at their default are not known to be set, and count as not set."""
    return ExperimentConfig.model_validate(config.model_dump(mode="json", exclude_defaults=True))


def check_design(folder: Path, manifest: Manifest, design: StudyDesign) -> None:
    """Check that a folder has the study of a design.

    Raises:
        ConfigError: it has another one; with the fields that differ.
    """
    if manifest.design_hash == design.design_hash:
        return
    differing = [*_changed_prompts(manifest, design), *_differences(design_of(read_config(folder)), design)]
    if not differing:  # the configuration is that of the folder
        raise ConfigError(f"{folder / RESOLVED_FILE} does not belong to {MANIFEST_FILE}", "restore both files")
    named = "; ".join(differing[:NAMED]) + (f"; and {len(differing) - NAMED} more" if len(differing) > NAMED else "")
    raise ConfigError(
        f"the study in {folder} differs from the configuration: {named}",
        "restore the configuration and its prompts, or run it without --resume",
    )


def _changed_prompts(manifest: Manifest, design: StudyDesign) -> Iterator[str]:
    """The files of prompts whose content differs, or that cannot be read."""
    used = {cell.config.dataset for cell in design.cells if isinstance(cell.config.dataset, str)}
    for name, digest in manifest.prompts.items():
        if name in used and name not in design.prompts:
            yield f"the prompts of {name} cannot be read from here"
        elif name in used and design.prompts[name] != digest:
            yield f"the prompts of {name} have changed"


def _differences(old: StudyDesign, new: StudyDesign) -> Iterator[str]:
    """The fields whose values differ, over all cells."""
    if len(old.cells) != len(new.cells):
        yield f"it has {len(old.cells)} cells, and the configuration {len(new.cells)}"
    before, after = _values(old), _values(new)
    hashes, others = ([cell.config_hash for cell in each.cells] for each in (old, new))
    if hashes != others and before == after:
        same = sorted(hashes) == sorted(others)
        yield "its cells have another order" if same else "its cells combine the values in another way"
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            yield f"{name} is {_listed(before.get(name))} there and {_listed(after.get(name))} in the configuration"
    if old.reference != new.reference:
        yield f"the reference is cell {old.reference} there and {new.reference} in the configuration"


def check_requested(folder: Path, now: Protocol, requested: Collection[str]) -> None:
    """Check that a run table can follow what the command line sets: cycles can only be added, and the order stays.

    Args:
        folder: the folder of the study.
        now: the protocol of the configuration with the command line.
        requested: fields that the command line sets, such as `execution.n_cycles`.

    Raises:
        ConfigError: it cannot, or the folder cannot be read.
    """
    there = read_manifest(folder).protocol
    if "execution.n_cycles" in requested and now.n_cycles < there.n_cycles:
        problem = f"the study in {folder} has {there.n_cycles} cycles, and {now.n_cycles} was requested"
        raise ConfigError(problem, "cycles can only be added: request more, or leave the number out")
    fixed = {
        "cycle_order": (there.order, now.order),
        "shuffle_seed": (there.seed, now.seed),
        "control": (there.control, now.control),
    }
    for name, (old, new) in fixed.items():
        if f"execution.{name}" in requested and old != new:
            raise ConfigError(
                f"the run table in {folder} is fixed: {name} is {old} there, and {new} was requested", "leave it out"
            )


def _values(design: StudyDesign) -> dict[str, list[str]]:
    """The values of each field in all cells, in order of first appearance."""
    found: dict[str, list[str]] = {}
    for cell in design.cells:
        for name, value in set_fields(cell.config).items():
            if value not in found.setdefault(name, []):
                found[name].append(value)
    return found


def _listed(values: Sequence[str] | None) -> str:
    return " and ".join(values) if values else "not set"


def continued(manifest: Manifest, design: StudyDesign, protocol: Protocol) -> Manifest:
    """The run table with added cycles, where the protocol has more. Its runs stay; so do order, seed and control runs.

    A protocol that differs in another setting, such as a gap, becomes an earlier one.
    """
    old, earlier = manifest.protocol, manifest.earlier_protocols
    n_cycles = max(old.n_cycles, protocol.n_cycles)
    fixed = {"n_cycles": n_cycles, "order": old.order, "seed": old.seed, "control": old.control}
    kept = protocol.model_copy(update=fixed)
    added = plan_runs(design, kept, range(old.n_cycles + 1, n_cycles + 1), len(manifest.runs) + 1)
    if kept.differences(old):
        earlier = (*(each for each in earlier if each.differences(old)), old)
    runs = (*manifest.runs, *added)
    return manifest.model_copy(update={"protocol": kept, "earlier_protocols": earlier, "runs": runs})


def rows_of(folder: Path, manifest: Manifest) -> list[RunRow]:
    """The rows of all runs, with their last state. A run whose result was written but not recorded is completed.

    Only of cycles that were handed out to workers, such a result does not count: it may be late, and their journals decide.

    Raises:
        ConfigError: journal or result cannot be read.
    """
    known, attempts, handed_out = read_journal(folder / JOURNAL_FILE), _last_attempts(folder), task_cycles(folder)
    return [
        _row(folder, _of_run(folder, known.get(run.place), run, attempts.get(str(run.run_id()), 0)), handed_out)
        for run in manifest.runs
    ]


def _last_attempts(folder: Path) -> dict[str, int]:
    """The number of the last attempt of each run that has a folder, by the identity of its first attempt."""
    found: dict[str, int] = {}
    with suppress(OSError):
        for name in os.listdir(folder / RUNS_FOLDER):  # noqa: PTH208 - a path per run would take seconds
            first, _, again = name.partition(".a")
            if not again or again.isdecimal():
                found[first] = max(found.get(first, 0), int(again or 1))
    return found


def _of_run(folder: Path, row: RunRow | None, run: PlannedRun, attempt: int) -> RunRow:
    """The row of a run. The journal must be that of the run table, and a result must be in the folder of its run."""
    if row is None:  # a run that never began, or the journal was lost
        again = {"run_id": str(run.run_id(attempt)), "attempt": attempt} if attempt else {}
        return pending_row(run).model_copy(update=again)
    run_id = str(run.run_id(max(row.attempt, 1)))
    for name, value in {"cell": run.cell, "cycle": run.cycle, "role": run.role, "run_id": run_id}.items():
        if getattr(row, name) != value:
            raise _another(folder, f"{name} of the run at place {run.place} is {getattr(row, name)}, not {value}")
    if row.result not in (None, result_path(run_id)):
        raise _another(folder, f"the result of {run_id} is {row.result}")
    return row


def _another(folder: Path, problem: str) -> ConfigError:
    return ConfigError(f"{folder / JOURNAL_FILE} does not belong to {MANIFEST_FILE}: {problem}", "restore both files")


def _row(folder: Path, row: RunRow, handed_out: Collection[int]) -> RunRow:
    """The row with its result, if it has one; also if the journal, or its last lines, were lost."""
    of_worker = row.cycle in handed_out and (row.task is not None or row.state == "pending")
    path = result_path(row.run_id)
    is_there = (folder / path).exists()
    if row.state == "completed":
        return row if is_there else row.model_copy(update={"state": "interrupted", "result": None})
    if row.state in ("pending", "running", "interrupted") and is_there and not of_worker:
        return completed_row(row, _result(folder / path), path, None)
    return row


def _result(file: Path) -> ExperimentResult:
    try:
        return ExperimentResult.from_json(file)
    except ConfigError as error:
        raise ConfigError(str(error), "restore it, or remove it; the run is then repeated") from error
