"""Writes runs.csv and runs.parquet: one row per run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llenergymeasure._files import write_atomic
from llenergymeasure._tables import parquet_bytes
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.domain.study.rows import UNCERTAINTY, run_rows
from llenergymeasure.results.csv import table_text

CSV_FILE = "runs.csv"
PARQUET_FILE = "runs.parquet"
_OTHER_UNITS = {"temperature_c": "C", "waited_s": "s"}
_TYPES = {bool: "bool", int: "int", float: "float", str: "str"}


def write_runs_csv(study: StudyData, path: Path) -> Path:
    """Write one row per run as CSV, atomically, replacing an existing file. Not measured = empty. Returns the path."""
    write_atomic(path, table_text(run_rows(study)))
    return path


def write_runs_parquet(study: StudyData, path: Path) -> Path:
    """Write one row per run as Parquet, atomically, replacing an existing file. Returns the path."""
    rows = run_rows(study)
    columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else {})}
    types = {name: _type_of(name, values) for name, values in columns.items()}
    metadata = {
        "schema_version": study.schema_version,
        "study_id": study.study_id,
        "study_design_hash": study.design.design_hash,
        "units": units_of(list(columns)),
    }
    write_atomic(path, parquet_bytes(columns, types, metadata))
    return path


def _type_of(name: str, values: Sequence[Any]) -> str:
    """The type of a column; numbers of metrics and conditions are floats, a column without a value is text."""
    if name in METRICS or name in _OTHER_UNITS or name.endswith(UNCERTAINTY):
        return "float"
    return next((_TYPES[type(value)] for value in values if value is not None), "str")


def units_of(columns: Sequence[str]) -> str:
    """The units of the columns that have one, as text."""
    units = {name: metric.unit for name, metric in METRICS.items()}
    known = {**units, **{name + UNCERTAINTY: unit for name, unit in units.items()}, **_OTHER_UNITS}
    return "; ".join(f"{name}: {known[name]}" for name in columns if name in known)
