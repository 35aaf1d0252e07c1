"""CSV: a result as a table with one row, and rows of a study."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from llenergymeasure._format import printable
from llenergymeasure._numerals import decimal_number
from llenergymeasure.domain.results import ExperimentResult

# A spreadsheet takes a text with such a beginning for a formula.
_FORMULA = ("=", "+", "-", "@")


def csv_text(result: ExperimentResult) -> str:
    """The top-level numbers as a CSV table with a header and one row. Not measured = empty."""
    return table_text([flat_numbers(result)])


def table_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows with the same keys as CSV with a header. Not measured = empty."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=[_cell(name) for name in (rows[0] if rows else ())], lineterminator="\n")
    writer.writeheader()
    writer.writerows({_cell(name): _cell(value) for name, value in row.items()} for row in rows)
    return buffer.getvalue()


def _cell(value: Any) -> Any:
    """A text without control characters, and one that no spreadsheet takes for a formula; a number as it is.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    if not isinstance(value, str):
        return value
    text = printable(value, kept="\n")
    return f"'{text}" if text.startswith(_FORMULA) and decimal_number(text) is None else text


def _batching(result: ExperimentResult) -> str | None:
    """How prompts were grouped; None for a server or a custom engine, whose grouping is not known."""
    info = result.model_info
    if info.max_num_seqs is not None:
        return "continuous"
    if result.traffic is not None or info.backend is not None or info.batch_size is None:
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
        "precision": None if result.traffic is not None else config.precision,
        "batch_size": result.model_info.batch_size,
        "max_num_seqs": result.model_info.max_num_seqs,
        "batching_strategy": _batching(result),
        "concurrency": None if result.traffic is None else result.traffic.concurrency,
        "rate": None if result.traffic is None else result.traffic.rate,
        "attn_implementation": result.model_info.attn_implementation,
        "device": result.model_info.device,
        "duration_sec": result.duration_sec,
    }
    headlines = result.model_dump(mode="json", include=set(type(result).model_computed_fields))
    return identity | {name: value for name, value in headlines.items() if not isinstance(value, (dict, list))}
