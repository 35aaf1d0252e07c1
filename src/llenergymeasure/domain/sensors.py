"""Sensor data of the window: time series of every GPU, throttling, temperatures, clocks, and the sampler's own report."""

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
    throttle_reasons: tuple[int | None, ...] = Field(description="Clock event reason bits as reported by the driver.")
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


class PowerTrace(Frozen):
    """Mean power of one GPU before and after the window, in rows of a second or more. Columns have equal length."""

    gpu_index: int
    start_s: tuple[float, ...] = Field(description="Start of each row, in seconds from the start of the window.")
    end_s: tuple[float, ...] = Field(description="End of each row, in seconds from the start of the window.")
    power_w: tuple[float | None, ...] = Field(description="Mean power in the row; None where it was not read.")


class ThermalThrottleInfo(Frozen):
    """Throttling in the window, from clock event reasons."""

    detected: bool
    thermal: bool = False
    power: bool = False
    sw_thermal: bool = False
    hw_thermal: bool = False
    hw_power: bool = False
    throttle_duration_sec: float = 0.0
    max_temperature_c: float | None = Field(None, description="None when no temperature was read.")
    throttle_timestamps: tuple[float, ...] = Field((), description="Seconds from window start.")


class GpuConditions(Frozen):
    """Temperature and clock of one GPU in the window. Fields are None when the device did not report them."""

    gpu_index: int
    temperature_start_c: float | None = Field(None, description="Last reading before the window opened.")
    temperature_end_c: float | None = Field(None, description="Last reading before the window closed.")
    temperature_max_c: float | None = Field(None, description="Highest reading in the window.")
    clock_min_mhz: float | None = Field(None, description="Lowest SM clock in the window.")
    clock_mean_mhz: float | None = Field(None, description="Mean of the readings of the SM clock.")
    clock_max_mhz: float | None = Field(None, description="Highest SM clock in the window.")

    @property
    def drift_c(self) -> float | None:
        """Change of temperature in C over the window; None when it was not read at both edges."""
        if self.temperature_start_c is None or self.temperature_end_c is None:
            return None
        return self.temperature_end_c - self.temperature_start_c


class SamplerReport(Frozen):
    """The sampler's report about its own sampling."""

    n_samples: int = Field(description="Samples in the window, over all GPUs.")
    interval_s: float
    gaps: int = Field(description="Times at which more than five samples in a row were missed.")
    overruns: int = Field(description="Samples that were due before the previous one was finished.")
    longest_gap_s: float | None = Field(None, description="None without a sample.")
    from_driver_record: int = Field(0, description="Samples read from the driver's own record after a gap.")
    sensor_period_s: float | None = Field(
        None,
        description="Period of the instant power sensor with the lowest coverage; None in files of release 2.0.0.",
    )
    sensor_window_s: float | None = Field(
        None, description="Time per period in which this sensor measures; None in files of release 2.0.0."
    )
    problems: tuple[str, ...] = Field((), description="Readings that failed and sensors that stopped.")
