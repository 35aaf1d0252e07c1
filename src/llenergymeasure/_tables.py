"""Reads and writes Parquet tables. The only module that imports pyarrow; imported when a table is read or written."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from llenergymeasure.exceptions import ConfigError

_TYPES = {"float": pa.float64(), "int": pa.int64(), "str": pa.string(), "bool": pa.bool_()}


def parquet_bytes(columns: Mapping[str, Sequence[Any]], types: Mapping[str, str], metadata: Mapping[str, str]) -> bytes:
    """A Parquet file of the columns.

    Args:
        columns: values by name, of equal length.
        types: `float`, `int`, `str` or `bool` by name.
        metadata: written into the file's schema.
    """
    schema = pa.schema([(name, _TYPES[types[name]]) for name in columns]).with_metadata(dict(metadata))
    buffer = io.BytesIO()
    parquet.write_table(pa.table({name: list(values) for name, values in columns.items()}, schema=schema), buffer)
    return buffer.getvalue()


def read_parquet(path: Path) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Columns and metadata of a Parquet file.

    Raises:
        ConfigError: the file is not a readable Parquet file.
    """
    try:
        table = parquet.read_table(path)
        metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        return table.to_pydict(), metadata
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: text that is not UTF-8
        raise ConfigError(f"{path} is not a readable Parquet file: {error}") from error
