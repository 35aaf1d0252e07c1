"""Tables on disk: the pyarrow door. Imported only when a table is written or read."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import compute, parquet

from llenergymeasure.exceptions import ConfigError

_TYPES = {"float": pa.float64(), "int": pa.int64(), "str": pa.string()}


def parquet_bytes(columns: Mapping[str, Sequence[Any]], types: Mapping[str, str], metadata: Mapping[str, str]) -> bytes:
    """A Parquet file of the columns.

    Args:
        columns: values by name, equally long.
        types: `float`, `int` or `str` by name.
        metadata: written into the file's schema.
    """
    schema = pa.schema([(name, _TYPES[types[name]]) for name in columns]).with_metadata(dict(metadata))
    buffer = io.BytesIO()
    parquet.write_table(pa.table({name: list(values) for name, values in columns.items()}, schema=schema), buffer)
    return buffer.getvalue()


def read_parquet(path: Path) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """Columns and metadata of a Parquet file.

    Raises:
        ConfigError: it is not a readable Parquet file.
    """
    try:
        table = parquet.read_table(path)
        metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
        return table.to_pydict(), metadata
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: text that is not UTF-8
        raise ConfigError(f"{path} is not a readable Parquet file: {error}") from error


@dataclass(frozen=True)
class SampleFigures:
    """A sample in short. `deviation` is the sample standard deviation; None with one value."""

    count: int
    mean: float
    deviation: float | None
    smallest: float
    largest: float
    percentiles: tuple[float, ...]


def sample_figures(
    samples: Sequence[Sequence[float]], weights: Sequence[Sequence[int]] | None, shares: Sequence[float]
) -> SampleFigures:
    """Figures of several samples taken as one; percentiles by linear interpolation, as numpy's default.

    Args:
        samples: at least one value in all.
        weights: how often each value counts, in the same shape; None = once.
        shares: of the percentiles, 0 to 1.
    """
    column = pa.chunked_array([pa.array(values, pa.float64()) for values in samples])
    repeats = None if weights is None else pa.chunked_array([pa.array(one, pa.int64()) for one in weights])
    count = len(column) if repeats is None else compute.sum(repeats).as_py()
    ends = compute.min_max(column)
    return SampleFigures(
        count=count,
        mean=_mean(column, repeats, count),
        deviation=_deviation(column, repeats, count) if count > 1 else None,
        smallest=ends["min"].as_py(),
        largest=ends["max"].as_py(),
        percentiles=_percentiles(column, repeats, count, shares),
    )


def _mean(column: Any, repeats: Any, count: int) -> float:
    weighted = column if repeats is None else compute.multiply(column, repeats.cast(pa.float64()))
    return float(compute.sum(weighted).as_py()) / count


def _deviation(column: Any, repeats: Any, count: int) -> float:
    if repeats is None:
        return float(compute.stddev(column, ddof=1).as_py())
    gaps = compute.subtract(column, _mean(column, repeats, count))
    squares = _mean(compute.multiply(gaps, gaps), repeats, 1)
    return math.sqrt(squares / (count - 1))


def _percentiles(column: Any, repeats: Any, count: int, shares: Sequence[float]) -> tuple[float, ...]:
    if repeats is None:
        return tuple(compute.quantile(column, q=list(shares), interpolation="linear").to_pylist())
    order = compute.sort_indices(column)
    ordered, last = column.take(order), compute.cumulative_sum(repeats.take(order))
    return tuple(_at_rank(ordered, last, share * (count - 1)) for share in shares)


def _at_rank(ordered: Any, last: Any, rank: float) -> float:
    low, fraction = int(rank), rank - int(rank)
    below = _value_at(ordered, last, low)
    return below + fraction * (_value_at(ordered, last, low + 1) - below) if fraction else below


def _value_at(ordered: Any, last: Any, place: int) -> float:
    """The value at a place of the weighted order; `last` counts the places up to and including each value."""
    value: float = ordered[compute.sum(compute.less_equal(last, place)).as_py() or 0].as_py()
    return value
