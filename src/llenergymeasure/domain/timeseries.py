"""The trace of the window: one row per GPU and period, in columns."""

from __future__ import annotations

from pydantic import Field, model_validator
from typing_extensions import Self

from llenergymeasure.domain.base import Frozen


class TimeSeries(Frozen):
    """Columns of equal length; a reading that failed is None."""

    timestamp_s: tuple[float, ...] = Field(description="Seconds from window start.")
    gpu_index: tuple[int, ...]
    power_w: tuple[float | None, ...]
    temperature_c: tuple[float | None, ...]
    memory_used_mb: tuple[float | None, ...]
    memory_total_mb: tuple[float | None, ...]
    sm_utilisation_pct: tuple[float | None, ...]
    throttle_reasons: tuple[int | None, ...] = Field(description="Clock event reason bits as the driver gives them.")
    energy_j: tuple[float | None, ...] = Field(description="Joules in the row's period.")

    @model_validator(mode="after")
    def _columns_are_equally_long(self) -> Self:
        lengths = {len(getattr(self, name)) for name in COLUMNS}
        if len(lengths) > 1:
            raise ValueError(f"columns of a time series differ in length: {sorted(lengths)}")
        return self

    def __len__(self) -> int:
        return len(self.timestamp_s)


COLUMNS: tuple[str, ...] = tuple(TimeSeries.model_fields)
INTEGER_COLUMNS = frozenset(name for name, field in TimeSeries.model_fields.items() if "int" in str(field.annotation))
