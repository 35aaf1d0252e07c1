"""Selects the one meter of an experiment by probing the machine, and records the reason."""

from __future__ import annotations

from collections.abc import Mapping

from llenergymeasure.config.extensions.table import Table
from llenergymeasure.config.meters import IN_CONFIG, METERS, MeterEntry, MeterSetting
from llenergymeasure.core.devices import MeterContext
from llenergymeasure.core.energy.null import NoMeter, NullMeter
from llenergymeasure.core.energy.rapl.beside import with_host
from llenergymeasure.domain.energy import MeterChoice
from llenergymeasure.exceptions import ConfigError, Finding, MeterError, PreFlightError
from llenergymeasure.protocols import EnergyBackend, Metering

AVAILABLE = "available"


def choose_meter(
    declared: str,
    narrowed: str,
    context: MeterContext,
    registry: Mapping[str, MeterEntry] = METERS,
    setting: MeterSetting = IN_CONFIG,
) -> Metering:
    """The meter for a configuration on this machine.

    Args:
        declared: `energy.backend` of the experiment.
        narrowed: the meter that the user config sets for `auto`; `auto` = any.
        context: the GPUs of the machine.
        registry: the meters, in the order of `auto`.
        setting: where the meter was declared, for messages.

    Raises:
        PreFlightError: a meter named by the experiment is not available. Under `auto` the run continues without a meter,
            and the choice contains the reason.
    """
    asked = narrowed if declared == "auto" else declared
    if asked == "null":
        meter = NullMeter(setting.switched_off(declared))
        return Metering(meter, MeterChoice(name="null", reason=meter.reason))
    if declared != "auto":
        return _the_one_named(declared, context, registry, setting)
    candidates = allowed(asked, context, registry)
    return _first_available(context, candidates, why(asked, candidates))


def foreseen_meter(
    declared: str, narrowed: str, context: MeterContext, registry: Mapping[str, MeterEntry] = METERS
) -> MeterChoice:
    """The meter that `choose_meter` would choose. It probes meters and creates none.

    Args:
        declared, narrowed, context, registry: as for `choose_meter`, where energy is not switched off.
    """
    asked = narrowed if declared == "auto" else declared
    candidates = allowed(asked, context, registry)
    first = next((name for name, entry in candidates.items() if entry.probe(context) is None), None)
    if first is None:
        return MeterChoice(name="none", reason="no meter is available")
    reason = why(asked, candidates) if declared == "auto" else f"{IN_CONFIG.name} is {declared}"
    return MeterChoice(name=first, reason=reason)


def allowed(
    narrowed: str, context: MeterContext, registry: Mapping[str, MeterEntry] = METERS
) -> Mapping[str, MeterEntry]:
    """The meters that `auto` may choose, in order: under the user config, and on GPUs those that measure them."""
    if narrowed != "auto":
        return {narrowed: registry[narrowed]}
    return {name: entry for name, entry in registry.items() if entry.covers_gpus or not context.gpus}


def why(narrowed: str, candidates: Mapping[str, MeterEntry]) -> str:
    """The reason for the choice of `auto` among the meters that it may choose, as text."""
    if narrowed == "auto":
        return f"the first available of {', '.join(candidates)}"
    return f"measurement.energy_backend of the user config is {narrowed}"


def _the_one_named(
    name: str, context: MeterContext, registry: Mapping[str, MeterEntry], setting: MeterSetting
) -> Metering:
    meter, why_not = _tried(registry[name], context)
    if meter is None:
        raise PreFlightError([_finding(name, why_not, registry[name], context, setting)])
    return Metering(meter, MeterChoice(name=name, reason=f"{setting.name} is {name}", probes={name: AVAILABLE}))


def _first_available(context: MeterContext, registry: Mapping[str, MeterEntry], reason: str) -> Metering:
    seen: dict[str, str] = {}
    fixes: dict[str, str] = {}
    for name, entry in registry.items():
        meter, seen[name] = _tried(entry, context)
        if meter is not None:
            return Metering(meter, MeterChoice(name=name, reason=reason, probes=seen, fixes=fixes))
        if (command := entry.command_on(context)) is not None:
            fixes[name] = command
    why_none = "no meter is available: " + "; ".join(f"{name}: {why_not}" for name, why_not in seen.items())
    return Metering(NoMeter(why_none), MeterChoice(name="none", reason=why_none, probes=seen, fixes=fixes))


def _tried(entry: MeterEntry, context: MeterContext) -> tuple[EnergyBackend | None, str]:
    """The meter with `AVAILABLE`, or None with the reason. Creation may fail even when the probe found no problem."""
    why_not = entry.probe(context)
    if why_not is not None:
        return None, why_not
    try:
        meter = entry.create(context)
        return with_host(meter, context) if context.gpus and entry.gpus_alone else meter, AVAILABLE
    except MeterError as error:
        return None, str(error)


def meter_findings(
    declared: str,
    context: MeterContext,
    registry: Mapping[str, MeterEntry] = METERS,
    setting: MeterSetting = IN_CONFIG,
) -> list[Finding]:
    """Why a meter that was named is not available on this machine; empty for auto and null."""
    if declared in ("auto", "null"):
        return []
    entry = registry[declared]
    why_not = entry.probe(context)
    return [] if why_not is None else [_finding(declared, why_not, entry, context, setting)]


def _finding(name: str, why_not: str, entry: MeterEntry, context: MeterContext, setting: MeterSetting) -> Finding:
    """A finding with the fix of the meter, or with another fix when the GPU is missing."""
    no_gpu = not context.gpus and why_not == context.no_gpu_reason
    no_gpu_fix = f"set {setting.to_auto} to measure the CPUs, or {context.no_gpu_fix}"
    return Finding(
        f"{setting.name} '{name}' is not available: {why_not}", no_gpu_fix if no_gpu else entry.fix_on(context)
    )


def meter_states(context: MeterContext, registry: Table[MeterEntry] = METERS) -> dict[str, str]:
    """The outcome of every meter's probe; for a package whose meter cannot be used, why not."""
    return {
        name: str(entry) if isinstance(entry, ConfigError) else entry.probe(context) or AVAILABLE
        for name, entry in registry.everything().items()
    }
