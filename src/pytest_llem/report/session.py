"""Ends a run: baselines, and the session report as JSON, each file written atomically."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from llenergymeasure import __version__
from pytest_llem.measure.record import Record
from pytest_llem.measure.run import Run
from pytest_llem.report.updates import Finished, write_baselines
from pytest_llem.stash import State
from pytest_llem.verdict.verdict import Judgement

# 1.0  first version
SCHEMA = "1.0"


# Exit codes of pytest for a run that did not come to its end.
_ENDED_EARLY = (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR)


def finish(state: State, exit_code: int) -> Finished:
    """Write every file that the options request."""
    done = Finished(complete=state.progress.complete and exit_code not in _ENDED_EARLY)
    write_baselines(state, done)
    if state.settings.json_path is not None:
        write_json(state.settings.json_path, session_report(state, done, final_exit_code(done, exit_code)))
    return done


def final_exit_code(done: Finished, exit_code: int) -> int:
    """The exit code of the run: it does not succeed when something that was requested was not done."""
    return int(pytest.ExitCode.TESTS_FAILED) if done.problems and exit_code == pytest.ExitCode.OK else exit_code


def session_report(state: State, done: Finished, exit_code: int) -> dict[str, Any]:
    """The session report as plain values."""
    settings = state.settings
    snapshot = next(
        (run.result.environment_snapshot for each in state.records.values() for run in each.runs if run.results), None
    )
    return {
        "schema": SCHEMA,
        "complete": done.complete,
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
        "attempt": record.attempt,
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
