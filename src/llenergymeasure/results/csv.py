"""Formats a result as a CSV table with one row."""

from __future__ import annotations

import csv
import io
from typing import Any

from llenergymeasure.domain.results import ExperimentResult


def csv_text(result: ExperimentResult) -> str:
    """The top-level numbers as a CSV table with a header and one row. Not measured = empty."""
    row = flat_numbers(result)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(row), lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    return buffer.getvalue()


def _batching(result: ExperimentResult) -> str | None:
    """How prompts were grouped; None for a custom engine, whose grouping is not known."""
    if result.model_info.backend is not None:
        return None
    return result.config.pytorch_settings.effective_batching_strategy


def flat_numbers(result: ExperimentResult) -> dict[str, Any]:
    """The identity of the experiment, and its headline numbers."""
    config = result.config
    identity = {
        "measurement_config_hash": result.measurement_config_hash,
        "started_at": result.started_at,
        "model": config.model,
        "backend": result.backend,
        "precision": config.precision,
        "batch_size": result.model_info.batch_size,
        "batching_strategy": _batching(result),
        "attn_implementation": result.model_info.attn_implementation,
        "device": result.model_info.device,
        "duration_sec": result.duration_sec,
    }
    headlines = result.model_dump(mode="json", include=set(type(result).model_computed_fields))
    return identity | {name: value for name, value in headlines.items() if not isinstance(value, (dict, list))}
