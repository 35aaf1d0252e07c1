"""The CodeCarbon meter, and its door.

On a machine without readable counters CodeCarbon's CPU figure is a model of the whole machine's load, and its RAM figure
a constant. That is an estimate: it is labelled so, the RAM is never added, and a modelled part is never added to a
measured one. With RAPL the CPU, and with NVML the GPU, is a measurement.
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from llenergymeasure.core.energy.context import MeterContext
from llenergymeasure.domain.co2 import JOULES_PER_KWH
from llenergymeasure.domain.measurements import EnergyDomain, EnergyReading
from llenergymeasure.exceptions import MeterError

TrackerFactory = Callable[[], Any]

# The modes in which CodeCarbon reads the CPU instead of modelling it.
_MEASURED_CPU = frozenset({"intel_rapl", "intel_power_gadget"})
_LOGGER = "codecarbon"


class CodeCarbonMeter:
    """Measures or estimates with CodeCarbon; each window has a tracker of its own.

    Args:
        make_tracker: gives a new tracker, not yet started.
        devices: what it covers.
    """

    name = "codecarbon"

    def __init__(self, make_tracker: TrackerFactory, devices: tuple[str, ...] = ()) -> None:
        self._make_tracker = make_tracker
        self.devices = devices or ("machine",)

    def open_window(self) -> CodeCarbonWindow:
        """Start a tracker. Takes about 2 s the first time in a process.

        Raises:
            MeterError: it cannot be started.
        """
        return CodeCarbonWindow(self._make_tracker)

    def release(self) -> None:
        """Each window ends its own tracker."""


class CodeCarbonWindow:
    """A running tracker."""

    def __init__(self, make_tracker: TrackerFactory) -> None:
        self._running = False
        with _overheard() as self._said:
            try:
                self._tracker = make_tracker()
                self._tracker.start()
            except Exception as error:  # a door: whatever the library raises is ours to name
                raise MeterError(f"codecarbon cannot start: {type(error).__name__}: {error}") from error
        self._running = True

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        with _overheard() as said:
            self._stop()
        data = getattr(self._tracker, "final_emissions_data", None)
        problems = tuple(dict.fromkeys(f"codecarbon: {text}" for text in (*self._said, *said)))
        if data is None or not data.duration:
            return EnergyReading(meter="codecarbon", reason="codecarbon gave no data", problems=problems)
        # The tracker runs a little longer than the work: its energy is taken for the work's share of the time.
        share = (end_s - start_s) / data.duration
        return reading_of(data, share, _cpu_is_measured(self._tracker), problems)

    def abandon(self) -> None:
        with _overheard():
            self._stop()

    def _stop(self) -> None:
        if self._running:
            self._running = False
            try:
                self._tracker.stop()
            except Exception as error:
                raise MeterError(f"codecarbon failed at its end: {type(error).__name__}: {error}") from error


def reading_of(data: Any, share: float, cpu_measured: bool, problems: tuple[str, ...] = ()) -> EnergyReading:
    """A reading from CodeCarbon's final data.

    Args:
        data: `gpu_energy`, `cpu_energy` and `ram_energy` in kWh.
        share: part of the tracker's time that was the window.
        cpu_measured: whether the CPU was read from counters.
        problems: what the library said.
    """
    joules = {name: getattr(data, f"{name}_energy") * JOULES_PER_KWH * share for name in ("gpu", "cpu", "ram")}
    measured = {"gpu": True, "cpu": cpu_measured, "ram": False}
    found = [name for name in ("gpu", "cpu") if joules[name] > 0]
    counted = [name for name in found if measured[name]] or found
    domains = tuple(
        EnergyDomain(
            name=name,
            energy_j=joules[name],
            provenance="measured" if measured[name] else "modelled",
            included=name in counted,
            note="a constant of the installed memory" if name == "ram" else None,
        )
        for name in (*found, "ram")
        if joules[name] > 0
    )
    if not counted:
        reason = "codecarbon reported neither GPU nor CPU energy"
        return EnergyReading(meter="codecarbon", domains=domains, reason=reason, problems=problems)
    return EnergyReading(
        meter="codecarbon",
        energy_j=sum(joules[name] for name in counted),
        method="sampled" if measured[counted[0]] else "estimated",
        domains=domains,
        problems=problems,
    )


def _cpu_is_measured(tracker: Any) -> bool:
    modes = {str(getattr(part, "_mode", "")) for part in getattr(tracker, "_hardware", ())}
    return bool(modes & _MEASURED_CPU)


@contextlib.contextmanager
def _overheard() -> Iterator[list[str]]:
    """Nothing printed and nothing logged by the library gets out; its errors are kept, since it does not raise them."""
    said: list[str] = []
    logger = logging.getLogger(_LOGGER)

    def keep(record: logging.LogRecord) -> bool:
        if record.levelno >= logging.ERROR:
            said.append(" ".join(record.getMessage().split()))
        return False

    logger.addFilter(keep)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield said
    finally:
        logger.removeFilter(keep)


def create(context: MeterContext) -> CodeCarbonMeter:
    """The meter over the GPUs of the context, or over the machine's CPU."""
    with _overheard():
        tracker = import_module("codecarbon").OfflineEmissionsTracker
    gpu_ids = [gpu.index for gpu in context.gpus] or None

    def make_tracker() -> Any:
        return tracker(
            country_iso_code="USA",  # only its emissions depend on the country, and those are not used
            output_methods=[],
            log_level="error",
            measure_power_secs=1,
            allow_multiple_runs=True,
            gpu_ids=gpu_ids,
        )

    return CodeCarbonMeter(make_tracker, tuple(gpu.uuid for gpu in context.gpus))
