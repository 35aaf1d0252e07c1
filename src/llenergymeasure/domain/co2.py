"""Carbon from energy, only when an intensity is named."""

from __future__ import annotations

from pydantic import Field

from llenergymeasure.domain.base import Frozen

JOULES_PER_KWH = 3.6e6


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
