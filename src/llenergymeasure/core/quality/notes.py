"""Notes on the accuracy of the meter that was used."""

from __future__ import annotations

from llenergymeasure.config.meters import METERS
from llenergymeasure.domain.energy import EnergyReading


def reproducibility_notes(reading: EnergyReading) -> str:
    """The note for the meter and its method."""
    if reading.energy_j is None:
        return "Energy was not measured."
    if reading.method == "replayed":
        return "Energy is simulated: recorded joules were replayed. It is not a measurement."
    if reading.method == "estimated":
        return (
            "Energy is an estimate from a model of the machine's load, not a measurement. Compare it only with estimates "
            "by the same tool on the same machine."
        )
    if any(domain.name == "cpu" and domain.included for domain in reading.domains):
        return (
            "Energy is that of the CPU packages, read from their RAPL counters. The manufacturer states no accuracy; 5 % is "
            "assumed. Memory, disks, fans and the power supply are not included."
        )
    if reading.meter not in METERS:
        return f"Energy was read by the meter {reading.meter}. See its documentation for its accuracy."
    return METERS[reading.meter].accuracy
