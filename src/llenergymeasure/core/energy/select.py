"""Choosing a meter: separate from measuring, by real probe, with the reason kept. Exactly one is active."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module

from llenergymeasure.core.energy import probes
from llenergymeasure.core.energy.context import MeterContext
from llenergymeasure.core.energy.null import NoMeter, NullMeter
from llenergymeasure.domain.measurements import MeterChoice
from llenergymeasure.exceptions import Finding, PreFlightError
from llenergymeasure.protocols import EnergyBackend, Metering

AVAILABLE = "available"


@dataclass(frozen=True)
class MeterEntry:
    """How a meter is probed, made and installed.

    Attributes:
        probe: None when available, else why not.
        module: has `create(context)`; imported when chosen.
        cure: what to do when it is not available.
    """

    probe: Callable[[MeterContext], str | None]
    module: str
    cure: str

    def create(self, context: MeterContext) -> EnergyBackend:
        """Import and make the meter."""
        meter: EnergyBackend = import_module(self.module).create(context)
        return meter


# In the order of `auto`.
REGISTRY: Mapping[str, MeterEntry] = {
    "zeus": MeterEntry(probes.zeus, "llenergymeasure.core.energy.zeus", 'pip install "llenergymeasure[zeus]"'),
    "nvml": MeterEntry(probes.nvml, "llenergymeasure.core.energy.nvml", "check the driver with: nvidia-smi"),
    "codecarbon": MeterEntry(
        probes.codecarbon, "llenergymeasure.core.energy.codecarbon", 'pip install "llenergymeasure[codecarbon]"'
    ),
}


def choose_meter(
    declared: str, narrowed: str, context: MeterContext, registry: Mapping[str, MeterEntry] = REGISTRY
) -> Metering:
    """The meter that a configuration asks for.

    Args:
        declared: `energy.backend` of the experiment.
        narrowed: what the user's settings allow `auto` to choose.
        context: what is known of the machine.
        registry: the meters, in the order of `auto`.

    Raises:
        PreFlightError: a meter named explicitly is not available.
    """
    asked = narrowed if declared == "auto" else declared
    if asked == "null":
        return Metering(NullMeter(), MeterChoice(name="null", reason=NullMeter.reason))
    if asked == "auto":
        return _first_available(context, registry)
    findings = meter_findings(asked, context, registry)
    if findings:
        raise PreFlightError(findings)
    reason = (
        f"energy.backend is {asked}"
        if declared == asked
        else f"measurement.energy_backend of the user config is {asked}"
    )
    return Metering(registry[asked].create(context), MeterChoice(name=asked, reason=reason, probes={asked: AVAILABLE}))


def _first_available(context: MeterContext, registry: Mapping[str, MeterEntry]) -> Metering:
    seen: dict[str, str] = {}
    for name, entry in registry.items():
        why_not = entry.probe(context)
        seen[name] = why_not or AVAILABLE
        if why_not is None:
            reason = f"the first available of {', '.join(registry)}"
            return Metering(entry.create(context), MeterChoice(name=name, reason=reason, probes=seen))
    reason = "no meter is available: " + "; ".join(f"{name}: {why_not}" for name, why_not in seen.items())
    return Metering(NoMeter(reason), MeterChoice(name="none", reason=reason, probes=seen))


def meter_findings(
    declared: str, context: MeterContext, registry: Mapping[str, MeterEntry] = REGISTRY
) -> list[Finding]:
    """What stands between this machine and a meter that was named; nothing under auto and null."""
    if declared not in registry:
        return []
    why_not = registry[declared].probe(context)
    return (
        [Finding(f"energy.backend '{declared}' is not available: {why_not}", registry[declared].cure)]
        if why_not
        else []
    )


def meter_states(context: MeterContext, registry: Mapping[str, MeterEntry] = REGISTRY) -> dict[str, str]:
    """What every probe says."""
    return {name: entry.probe(context) or AVAILABLE for name, entry in registry.items()}
