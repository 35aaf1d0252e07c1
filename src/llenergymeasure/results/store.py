"""How results reach the disk and come back.

```
{model}_{backend}_{timestamp}/
    result.json           everything but the time series
    timeseries.parquet    the trace, when there were sensors
    report.html           the result as one page, when asked for
```

A folder appears complete or not at all, and is never overwritten.
"""

from __future__ import annotations

import csv
import io
import json
import os
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from llenergymeasure._files import complete_directory, write_atomic
from llenergymeasure._json import read_json
from llenergymeasure.domain.results import SCHEMA_VERSION, ExperimentResult
from llenergymeasure.domain.timeseries import COLUMNS, TimeSeries
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.security import sanitise_name

RESULT_FILE = "result.json"
TIMESERIES_FILE = "timeseries.parquet"
CSV_FILE = "result.csv"
REPORT_FILE = "report.html"

_INTEGER_COLUMNS = frozenset({"gpu_index", "throttle_reasons"})


def json_text(result: ExperimentResult) -> str:
    """The result as JSON, headlines first."""
    return json.dumps(result.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_json(result: ExperimentResult, path: str | Path) -> Path:
    """Write the result as JSON, atomically."""
    write_atomic(Path(path), json_text(result))
    return Path(path)


def to_parquet(result: ExperimentResult, path: str | Path) -> Path:
    """Write the time series as Parquet, atomically; an empty table when nothing was sampled."""
    write_atomic(Path(path), _timeseries_bytes(result))
    return Path(path)


def _timeseries_bytes(result: ExperimentResult) -> bytes:
    series = result.timeseries
    columns = {name: getattr(series, name) if series is not None else () for name in COLUMNS}
    types = {name: "int" if name in _INTEGER_COLUMNS else "float" for name in COLUMNS}
    metadata = {
        "schema_version": SCHEMA_VERSION,
        "measurement_config_hash": result.measurement_config_hash,
        "units": "timestamp_s: s from window start; power_w: W; temperature_c: C; memory: MB (10^6 bytes); "
        "sm_utilisation_pct: %; throttle_reasons: NVML bits; energy_j: J in the row's period",
    }
    data: bytes = import_module("llenergymeasure._tables").parquet_bytes(columns, types, metadata)
    return data


def to_csv(result: ExperimentResult, path: str | Path) -> Path:
    """Write the flat numbers as a table of one row, atomically. Not measured = empty."""
    row = flat_numbers(result)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(row), lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    write_atomic(Path(path), buffer.getvalue())
    return Path(path)


def report_maker() -> Callable[[ExperimentResult], str]:
    """What makes the text of a report.

    Raises:
        PreFlightError: what the page needs is not installed; names the install line.
    """
    import_module("llenergymeasure.results.report.needs").check_report()
    maker: Callable[[ExperimentResult], str] = import_module("llenergymeasure.results.report.experiment_page").html_text
    return maker


def to_html(result: ExperimentResult, path: str | Path) -> Path:
    """Write the result as one self-contained page, atomically.

    Raises:
        PreFlightError: what the page needs is not installed; names the install line.
    """
    write_atomic(Path(path), report_maker()(result))
    return Path(path)


def _batching(result: ExperimentResult) -> str | None:
    """How prompts were grouped; None for another engine than the configuration's, which groups them as it likes."""
    if result.model_info.backend is not None:
        return None
    return result.config.pytorch_settings.effective_batching_strategy


def flat_numbers(result: ExperimentResult) -> dict[str, Any]:
    """What identifies the experiment, and its headline numbers."""
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
    return identity | {name: value for name, value in headlines.items() if not isinstance(value, dict)}


def save(
    result: ExperimentResult,
    directory: str | Path,
    *,
    export_csv: bool = False,
    report: Callable[[ExperimentResult], str] | None = None,
) -> Path:
    """Write a folder of its own below `directory`; returns the path of its result.json.

    Args:
        result: what was measured.
        directory: where; made when it is missing.
        export_csv: write result.csv too.
        report: makes the text of report.html; None = no report. When it fails, the folder is written without one.

    Raises:
        LLEMError: the place cannot be written (ConfigError) or the disk is full.
    """
    page = None
    try:
        page = report(result) if report is not None else None
    finally:
        path = _write(result, Path(directory), export_csv, page)
    return path


def _write(result: ExperimentResult, directory: Path, export_csv: bool, page: str | None) -> Path:
    with complete_directory(directory, folder_name(result)) as folder:
        if result.timeseries is not None:
            to_parquet(result, folder.path / TIMESERIES_FILE)
            result = result.model_copy(update={"timeseries_file": TIMESERIES_FILE})
        if export_csv:
            to_csv(result, folder.path / CSV_FILE)
        if page is not None:
            write_atomic(folder.path / REPORT_FILE, page)
        to_json(result, folder.path / RESULT_FILE)
    return folder.final / RESULT_FILE


def folder_name(result: ExperimentResult) -> str:
    """`{model}_{backend}_{timestamp}`, safe on every file system."""
    model = result.config.model.rstrip("/\\").replace("\\", "/").rsplit("/", 1)[-1]
    stamp = result.started_at[:19].replace(":", "-")
    return f"{sanitise_name(model)}_{sanitise_name(result.backend)}_{stamp}"


def from_json(path: str | Path) -> ExperimentResult:
    """Read a result, with its time series when the side file is there.

    Raises:
        ConfigError: the file is missing, not JSON, or not a result of this schema.
    """
    path = Path(path)
    result = _read(path)
    if result.timeseries_file is None:
        return result
    side_file = path.parent / Path(result.timeseries_file).name
    if not os.path.isfile(side_file):  # noqa: PTH113 - says False, and raises nothing, for a name that is too long
        warnings.warn(f"{side_file} is missing: the result is read without its time series", stacklevel=2)
        return result
    columns, _ = import_module("llenergymeasure._tables").read_parquet(side_file)
    try:
        series = TimeSeries.model_validate(columns)
    except ValidationError as error:
        raise ConfigError(f"{side_file} is not a time series of this schema: {error}") from error
    return result.model_copy(update={"timeseries": series})


def _read(path: Path) -> ExperimentResult:
    try:
        content = path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        raise ConfigError(f"cannot read {str(path)!r}: {error}") from error
    try:
        data = read_json(content.decode("utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON that can be read: {error}") from error
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != SCHEMA_VERSION:
        raise ConfigError(f"{path} has schema_version {version!r}; this release reads {SCHEMA_VERSION!r}")
    try:
        return ExperimentResult.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "result"
        raise ConfigError(f"{path} is not a valid result: {place}: {first['msg']}") from error


class FolderRepository:
    """Results as folders below one directory."""

    def __init__(
        self,
        directory: str | Path,
        *,
        export_csv: bool = False,
        report: Callable[[ExperimentResult], str] | None = None,
    ) -> None:
        self._directory = Path(directory)
        self._export_csv, self._report = export_csv, report

    def save(self, result: ExperimentResult) -> Path:
        return save(result, self._directory, export_csv=self._export_csv, report=self._report)

    def load(self, place: Path) -> ExperimentResult:
        return from_json(place)
