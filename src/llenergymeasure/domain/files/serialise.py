"""Writes results as JSON and Parquet, and reads them."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from llenergymeasure._files import write_atomic
from llenergymeasure._json import read_json_file
from llenergymeasure.domain.result_data import SCHEMA_VERSION, ResultData
from llenergymeasure.domain.sensors import COLUMNS, INTEGER_COLUMNS, TimeSeries
from llenergymeasure.exceptions import ConfigError

R = TypeVar("R", bound=ResultData)

_UNITS = (
    "timestamp_s: s from window start; power_w: W; temperature_c: C; memory: MB (10^6 bytes); "
    "sm_utilisation_pct: %; throttle_reasons: NVML bits; energy_j: J in the row's period"
)


def json_text(result: ResultData) -> str:
    """The result as JSON, headlines first."""
    return json.dumps(result.model_dump(mode="json"), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_json(result: ResultData, path: Path) -> Path:
    """Write the result as JSON, atomically. Returns the path."""
    write_atomic(path, json_text(result))
    return path


def to_parquet(result: ResultData, path: Path) -> Path:
    """Write the time series as Parquet, atomically. Returns the path."""
    write_atomic(path, timeseries_bytes(result))
    return path


def timeseries_bytes(result: ResultData) -> bytes:
    """The time series as Parquet; an empty table when nothing was sampled."""
    from llenergymeasure._tables import parquet_bytes  # noqa: PLC0415 - pyarrow, only where a table is written

    series = result.timeseries
    columns = {name: getattr(series, name) if series is not None else () for name in COLUMNS}
    types = {name: "int" if name in INTEGER_COLUMNS else "float" for name in COLUMNS}
    metadata = {
        "schema_version": SCHEMA_VERSION,
        "measurement_config_hash": result.measurement_config_hash,
        "units": _UNITS,
    }
    return parquet_bytes(columns, types, metadata)


def from_json(path: Path, kind: type[R]) -> R:
    """Read a result, with its time series if the time-series file exists.

    Args:
        path: path of the JSON file.
        kind: the result type to create.

    Raises:
        ConfigError: the file is missing, not JSON, or not a result of this schema.
    """
    result = _read(path, kind)
    if result.timeseries_file is None:
        return result
    side_file = path.parent / Path(result.timeseries_file).name
    if not os.path.isfile(side_file):  # noqa: PTH113 - returns False, and does not raise, for a name that is too long
        warnings.warn(f"{side_file} is missing: the result is read without its time series", stacklevel=3)
        return result
    return result.model_copy(update={"timeseries": _read_timeseries(side_file)})


def _read_timeseries(side_file: Path) -> TimeSeries:
    from llenergymeasure._tables import read_parquet  # noqa: PLC0415 - pyarrow, only where a table is read

    columns, _ = read_parquet(side_file)
    try:
        return TimeSeries.model_validate(columns)
    except ValidationError as error:
        raise ConfigError(f"{side_file} is not a time series of this schema: {error}") from error


def _read(path: Path, kind: type[R]) -> R:
    data = _json_of(path)
    version = data.get("schema_version") if isinstance(data, dict) else None
    if version != SCHEMA_VERSION:
        raise ConfigError(f"{path} has schema_version {version!r}", f"this release reads {SCHEMA_VERSION!r}")
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "result"
        raise ConfigError(f"{path} is not a valid result: {place}: {first['msg']}") from error


def _json_of(path: Path) -> Any:
    try:
        return read_json_file(path)
    except OSError as error:
        raise ConfigError(f"cannot read {str(path)!r}: {error}") from error
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON that can be read: {error}") from error
