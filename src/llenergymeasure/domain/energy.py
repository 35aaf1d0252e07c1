"""The blocks of a result about energy: readings of meters, idle power, the split between phases, carbon.

Every optional field says when it is None. Energy is in joules, power in watts, time in seconds.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from llenergymeasure.config.meters import METERS
from llenergymeasure.domain.base import Frozen

JOULES_PER_KWH = 3.6e6
# Coverage factor of every expanded uncertainty of a result: about 95 % (JCGM 100:2008, the "GUM", 6.2 and 6.3).
COVERAGE_FACTOR = 2.0
EnergyMethod = Literal["counter", "sampled", "estimated", "replayed"]
# Whether energy was measured, is an estimate, or was replayed from a record.
EnergySource = Literal["measured", "estimated", "replayed"]


def source_of(method: EnergyMethod) -> EnergySource:
    """What joules of a method are."""
    return method if method in ("estimated", "replayed") else "measured"


class EnergyDomain(Frozen):
    """One part of the machine that a meter reports on, such as `gpu`, `cpu` or `ram`."""

    name: str
    energy_j: float
    provenance: Literal["measured", "modelled"]
    included: bool = Field(description="Whether it is part of energy_total_j.")
    note: str | None = None


class HostEnergy(Frozen):
    """Energy of the CPUs of the host in the window of a GPU meter. It is not part of energy_total_j."""

    energy_j: float | None = Field(None, description="Joules in the window; None when not measured, see reason.")
    uncertainty_j: float | None = Field(None, description="Expanded uncertainty (k = 2); None without joules.")
    uncertainty_parts_j: dict[str, float] = Field({}, description="Parts of the uncertainty, combined in quadrature.")
    domains: tuple[EnergyDomain, ...] = ()
    reason: str | None = Field(None, description="Why energy_j is None.")


class EnergyReading(Frozen):
    """The reading of a meter for one window."""

    meter: str = Field(
        description=f"Name of the meter: {', '.join(METERS)} or a custom meter; null = switched off, none = no meter available."
    )
    energy_j: float | None = Field(None, description="Joules in the window; None when not measured, see reason.")
    per_device_j: dict[str, float] | None = Field(None, description="Joules by device uuid; None without devices.")
    method: EnergyMethod | None = Field(None, description="How the joules were measured; None when not measured.")
    uncertainty_j: float | None = Field(None, description="Expanded uncertainty (k = 2); None when unknown, see notes.")
    uncertainty_parts_j: dict[str, float] = Field({}, description="Parts of the uncertainty, combined in quadrature.")
    n_readings: int = Field(
        0,
        description="Sensor updates in the window; the smallest number of all devices. Of rapl: from the period at the edges, or "
        "the rises that were seen when a counter did not rise between two samples.",
    )
    update_period_s: float | None = Field(
        None, description="Median time between sensor updates; None when not observed."
    )
    domains: tuple[EnergyDomain, ...] = ()
    host: HostEnergy | None = Field(
        None, description="The CPUs of the host in the same window; None when the meter does not measure GPUs alone."
    )
    crosscheck_j: float | None = Field(None, description="The same window by a second method; None without one.")
    crosscheck_uncertainty_j: float | None = Field(
        None, description="Expanded uncertainty (k = 2) of the second method, without the gain error that both share."
    )
    reason: str | None = Field(None, description="Why energy_j is None.")
    problems: tuple[str, ...] = Field((), description="Problems of the measurement, one sentence each.")

    @property
    def is_of_cpus(self) -> bool:
        """Whether the joules are those of the CPUs of the machine."""
        return any(one.included and (one.name == "cpu" or one.name.startswith("package")) for one in self.domains)

    @property
    def is_shared(self) -> bool:
        """Whether the joules are measured and are those of all processes of the machine."""
        return self.is_of_cpus and self.is_measured

    @property
    def is_measured(self) -> bool:
        """Whether the joules come from a sensor, and not from a model or a replayed record."""
        return self.method in ("counter", "sampled")


class MeterChoice(Frozen):
    """The selected meter, and the outcome of every probe."""

    name: str
    reason: str
    probes: dict[str, str] = Field({}, description="Per meter: available, or why not.")
    fixes: dict[str, str] = Field(
        {}, description="Per meter that was not available: the command that makes it available, where one is known."
    )


class BaselineResult(Frozen):
    """Idle power of the devices that the meter covers."""

    power_w: float | None = Field(None, description="None when not measured, see reason.")
    method: EnergyMethod | None = None
    provenance: Literal["fresh", "cached", "unavailable"]
    timestamp: str | None = Field(None, description="UTC time of the measurement, ISO 8601; None when unavailable.")
    age_sec: float | None = Field(None, description="Age when used; 0 when fresh, None when unavailable.")
    duration_sec: float | None = Field(None, description="Length of the idle window; None when unavailable.")
    when: Literal["before_load", "after_load"] = "before_load"
    reason: str | None = Field(None, description="Why there is no baseline.")
    problems: tuple[str, ...] = ()

    def above_idle_j(self, energy_j: float | None, duration_s: float) -> float | None:
        """Energy minus idle power times duration, in J; negative when idle power was higher; None when not known."""
        if energy_j is None or self.power_w is None:
            return None
        return energy_j - self.power_w * duration_s


class EnergyBreakdown(Frozen):
    """Raw and baseline-adjusted energy."""

    raw_j: float | None
    adjusted_j: float | None
    baseline_power_w: float | None
    baseline_method: str | None
    baseline_timestamp: str | None
    baseline_cache_age_sec: float | None


class PhaseEnergy(Frozen):
    """The window's energy split between prefill and decode, by least squares over the sensor's updates."""

    prefill_j: float | None = Field(None, description="None when the phases are too short to separate, see reason.")
    decode_j: float | None = Field(None, description="The rest of energy_total_j; None when prefill_j is None.")
    uncertainty_j: float | None = Field(
        None, description="Uncertainty of the split (k = 2), without the uncertainty of the window's energy."
    )
    prefill_uncertainty_j: float | None = Field(
        None,
        description="Expanded uncertainty (k = 2) of prefill_j: of the split, and its share of the window's uncertainty; None when "
        "that is unknown.",
    )
    decode_uncertainty_j: float | None = Field(None, description="The same for decode_j.")
    reason: str | None = Field(None, description="Why the split is None.")


class CarbonEstimate(Frozen):
    """Grams of CO2 equivalent of the window's energy."""

    gco2: float = Field(description="energy_j / 3.6e6 x PUE x intensity.")
    carbon_intensity_gco2_kwh: float
    datacenter_pue: float


def carbon_of(energy_j: float | None, intensity_gco2_kwh: float | None, pue: float) -> CarbonEstimate | None:
    """Estimate the carbon of an energy; None without energy or without an intensity."""
    if energy_j is None or intensity_gco2_kwh is None:
        return None
    gco2 = energy_j / JOULES_PER_KWH * pue * intensity_gco2_kwh
    return CarbonEstimate(gco2=gco2, carbon_intensity_gco2_kwh=intensity_gco2_kwh, datacenter_pue=pue)
