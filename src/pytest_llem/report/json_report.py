"""The session report as JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

from llenergymeasure import __version__
from llenergymeasure._files import replace_file
from pytest_llem.baseline.repeats import samples_of
from pytest_llem.baseline.update import Outcome
from pytest_llem.measure.judged import Judged
from pytest_llem.measure.record import Record
from pytest_llem.plain_values import plain
from pytest_llem.report.updates import Finished
from pytest_llem.settings import Settings
from pytest_llem.stash import State
from pytest_llem.verdict.verdict import Judgement

# 1.0  first version
SCHEMA = "1.0"


def session_report(state: State, done: Finished, exit_code: int) -> dict[str, Any]:
    """The session report as plain values."""
    measured = (run for record in state.records.values() for run in record.runs if run.measured)
    snapshot = next((run.origin.environment for run in measured), None)
    return {
        "schema": SCHEMA,
        "complete": done.complete,
        "exit_code": exit_code,
        "started": state.started,
        "versions": {"llenergymeasure": __version__},
        "git": None if snapshot is None else {"commit": snapshot.git_commit, "dirty": snapshot.git_dirty},
        "environment": None if snapshot is None else snapshot.model_dump(mode="json"),
        "options": _options(state.settings),
        "counts": counts(state),
        "tests": [_test(record) for record in state.records.values()],
        "baselines": _baselines(done),
    }


def _options(settings: Settings) -> dict[str, Any]:
    return {
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
    }


def _baselines(done: Finished) -> dict[str, Any]:
    return {
        "written": [str(path) for path in done.updated],
        "candidates": [str(path) for path in done.candidates],
        "outcomes": [_outcome(each) for each in done.outcomes],
        "unclaimed": [{"id": each.test_id, "file": str(each.path)} for each in done.unclaimed],
        "problems": done.problems,
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "test": outcome.test_id,
        "config_hash": outcome.config_hash,
        "action": outcome.action,
        "note": outcome.note or None,
    }


def counts(state: State) -> dict[str, int]:
    """The number of experiments by verdict."""
    return dict(Counter(run.verdict for record in state.records.values() for run in record.runs))


def _test(record: Record) -> dict[str, Any]:
    return {
        "test": record.test,
        "file": record.file,
        "line": record.line,
        "attempt": record.attempt,
        "outcome": record.outcome,
        "message": record.message or None,
        "experiments": [_experiment(run) if run.measured else _unmeasured(run) for run in record.runs],
        "windows": [] if record.meter is None else [window.as_plain() for window in record.meter.windows],
    }


def _experiment(run: Judged) -> dict[str, Any]:
    verdict, kept = run.found, run.kept
    origin = run.origin
    return {
        "id": run.plan.test_id,
        "label": run.label or None,
        "verdict": verdict.kind,
        "reason": (verdict.worst.reason if verdict.worst else verdict.reason) or None,
        "simulated": run.simulated,
        "control": run.plan.control,
        "config_hash": run.config_hash,
        "energy": {"meter": origin.meter, "method": origin.energy_method, "reason": origin.why_no_energy or None},
        "energy_per_output_token": _mean(run, "energy_per_output_token"),
        "work": None if not kept else kept[0].work.to_plain(),
        "metrics": [_metric(each) for each in verdict.judgements],
        "dropped": [{"repeat": each.index, "causes": list(each.causes)} for each in run.dropped],
        "baseline": verdict.baseline,
        "baseline_commit": verdict.commit,
        "second_look": verdict.remeasured,
        "notes": list(verdict.notes),
        "warnings": [each.model_dump(mode="json") for each in run.warnings],
        "results": [str(path) for path in run.files],
    }


def _unmeasured(run: Judged) -> dict[str, Any]:
    return {
        "id": run.plan.test_id,
        "label": run.label or None,
        "verdict": run.verdict,
        "reason": run.problem,
        "config_hash": run.config_hash,
        "energy_per_output_token": None,
        "metrics": [],
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


def _mean(run: Judged, metric: str) -> float | None:
    values = samples_of(run.pooled).get(metric)
    return fmean(values) if values else None


def _jsonable(value: Any) -> Any:
    """The value in the types of JSON. What tests record may be a numpy number or not finite; the latter becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _jsonable(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_jsonable(inner) for inner in value]
    found = None if value is None else plain(value)
    return None if isinstance(found, float) and not math.isfinite(found) else found


def write_json(path: Path, content: Any) -> None:
    """Write a file atomically.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_jsonable(content), indent=1, allow_nan=False) + "\n"
    replace_file(path, text.encode())
