"""Writes the candidate, the updated baselines and the session report at the end of a run, each file atomically."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llenergymeasure import __version__
from pytest_llem.baseline.fingerprint import Fingerprint
from pytest_llem.baseline.folder import write_changes, write_file
from pytest_llem.baseline.parse import BaselineError
from pytest_llem.baseline.repeats import session_of
from pytest_llem.baseline.update import Measured, Outcome, candidate, update
from pytest_llem.measure.run import Run
from pytest_llem.stash import Record, State
from pytest_llem.verdict.verdict import Judgement

# 1.0  first version
SCHEMA = "1.0"


@dataclass
class Finished:
    """The files that the end of a run wrote.

    Attributes:
        candidates: files with baselines that can be accepted later.
        updated: baseline files that were written.
        outcomes: how the update treated each test.
        problems: messages about files that could not be written.
    """

    candidates: list[Path] = field(default_factory=list)
    updated: list[Path] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def finish(state: State, exit_code: int, complete: bool) -> Finished:
    """Write every file that the options request."""
    done = Finished()
    groups = list(_by_machine(record for record in state.records.values() if record.runs))
    try:
        for number, (machine, simulated, runs) in enumerate(groups, 1):
            _write_candidate(state, done, machine, simulated, runs, number)
        _update(state, done, groups, complete)
    except BaselineError as error:
        done.problems.append(str(error))
    if state.settings.json_path is not None:
        write_json(state.settings.json_path, session_report(state, done, exit_code, complete))
    return done


Group = tuple[Fingerprint, bool, list[tuple[Record, Run]]]


def _by_machine(records: Iterable[Record]) -> Iterator[Group]:
    """Runs grouped by hard identity; usually there is one group."""
    groups: dict[str, Group] = {}
    for record in records:
        for run in record.runs:
            if not run.kept:
                continue
            machine = run.fingerprint
            key = json.dumps([dict(machine.hard), run.simulated], sort_keys=True)
            groups.setdefault(key, (machine, run.simulated, []))[2].append((record, run))
    yield from groups.values()


def _write_candidate(
    state: State,
    done: Finished,
    machine: Fingerprint,
    simulated: bool,
    runs: list[tuple[Record, Run]],
    number: int,
) -> None:
    """Write the tests that passed or that only a verdict failed: a user may decide to accept them."""
    measured = [measured_of(run, machine) for record, run in runs if record.outcome == "passed" or record.gate_failed]
    file = candidate(machine.hard, measured, simulated=simulated)
    if file.entries:
        name = "candidate-baseline.json" if number == 1 else f"candidate-baseline-{number}.json"
        write_file(state.folder / name, file)
        done.candidates.append(state.folder / name)


def _update(state: State, done: Finished, groups: list[Group], complete: bool) -> None:
    mode, before = state.settings.update, state.baselines
    if mode is None or before is None:
        return
    after = before
    for machine, simulated, runs in groups:
        measured = [measured_of(run, machine) for record, run in runs if record.outcome == "passed"]
        found = update(after, machine.hard, measured, mode, simulated=simulated, complete=complete)
        after = found.baselines
        done.outcomes.extend(found.outcomes)
    if complete:
        done.updated = write_changes(before, after)


def measured_of(run: Run, machine: Fingerprint) -> Measured:
    """The part of a run that enters a baseline: the repeats of this process, without those of a second look."""
    snapshot = run.result.environment_snapshot
    session = session_of(
        run.kept,
        date=run.result.finished_at,
        git_sha=snapshot.git_commit,
        git_dirty=snapshot.git_dirty,
        soft=machine.soft,
    )
    return Measured(
        test_id=run.plan.test_id,
        config=run.config.model_dump(mode="json", exclude_none=True),
        config_hash=run.config.config_hash,
        work=run.kept[0].work,
        sessions=(session,),
    )


def session_report(state: State, done: Finished, exit_code: int, complete: bool) -> dict[str, Any]:
    """The session report as plain values."""
    settings = state.settings
    snapshot = next(
        (run.result.environment_snapshot for each in state.records.values() for run in each.runs if run.results), None
    )
    return {
        "schema": SCHEMA,
        "complete": complete,
        "exit_code": exit_code,
        "started": state.started,
        "versions": {"llenergymeasure": __version__},
        "git": None if snapshot is None else {"commit": snapshot.git_commit, "dirty": snapshot.git_dirty},
        "environment": None if snapshot is None else snapshot.model_dump(mode="json"),
        "options": {
            "dry_run": settings.dry_run,
            "strict": settings.strict,
            "repeats": settings.repeats,
            "energy": settings.energy,
            "fail_on": [str(limit) for limit in settings.fail_on],
            "alpha": settings.alpha,
            "noise_floor": settings.noise_floor,
            "min_window_s": settings.min_window_s,
            "max_age_days": settings.max_age_days,
            "inconclusive": settings.inconclusive,
            "baseline_dir": str(settings.baseline_dir),
            "update_baseline": settings.update,
        },
        "counts": counts(state),
        "tests": [_test(record, state) for record in state.records.values()],
        "baselines": {
            "written": [str(path) for path in done.updated],
            "candidates": [str(path) for path in done.candidates],
            "outcomes": [
                {"test": each.test_id, "action": each.action, "note": each.note or None} for each in done.outcomes
            ],
            "problems": done.problems,
        },
    }


def counts(state: State) -> dict[str, int]:
    """The number of experiments by verdict."""
    found: dict[str, int] = {}
    for record in state.records.values():
        for run in record.runs:
            kind = run.verdict if run.results or run.dropped else "error"
            found[kind] = found.get(kind, 0) + 1
    return found


def _test(record: Record, state: State) -> dict[str, Any]:
    return {
        "test": record.test,
        "file": record.file,
        "line": record.line,
        "outcome": record.outcome,
        "message": record.message or None,
        "experiments": [_experiment(run) for run in record.runs if run.files],
        "windows": [] if record.meter is None else [window.as_plain() for window in record.meter.windows],
    }


def _experiment(run: Run) -> dict[str, Any]:
    verdict, kept = run.found, run.kept
    first = run.result
    return {
        "id": run.plan.test_id,
        "verdict": verdict.kind,
        "reason": (verdict.worst.reason if verdict.worst else verdict.reason) or None,
        "simulated": run.simulated,
        "control": run.plan.control,
        "config_hash": run.config.config_hash,
        "energy": {"meter": first.meter.name, "method": first.energy_method, "reason": first.energy.reason},
        "energy_per_output_token": _mean(run.samples("energy_per_output_token")),
        "work": None if not kept else kept[0].work.to_plain(),
        "metrics": [_metric(each) for each in verdict.judgements],
        "dropped": [{"repeat": each.index, "causes": list(each.causes)} for each in run.dropped],
        "baseline": verdict.baseline,
        "baseline_commit": verdict.commit,
        "second_look": verdict.remeasured,
        "notes": list(verdict.notes),
        "results": [str(path) for path in run.files],
    }


def _metric(judgement: Judgement) -> dict[str, Any]:
    return {
        "metric": judgement.metric,
        "unit": judgement.unit,
        "limit": judgement.limit,
        "verdict": judgement.kind,
        "reason": judgement.reason or None,
        "baseline": judgement.baseline,
        "now": judgement.now,
        "ratio": judgement.ratio,
        "interval": None if judgement.ratio_low is None else [judgement.ratio_low, judgement.ratio_high],
        "p_value": judgement.p_value,
        "minimum_detectable_ratio": judgement.minimum_detectable_ratio,
        "samples": list(judgement.samples),
        "baseline_samples": [list(session) for session in judgement.baseline_samples],
    }


def _mean(values: list[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def write_json(path: Path, content: Any) -> None:
    """Write a file atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}.tmp")
    try:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
