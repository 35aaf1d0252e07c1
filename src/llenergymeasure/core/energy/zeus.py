"""The Zeus meter, and its door. Importing Zeus takes seconds and 190 MB, so it is done when it was chosen.

Zeus 0.16 subtracts counter readings taken at the window's edges. Guards: with no GPU it would return an empty dict and 0 J;
without a counter it would start helper processes; a counter reset would give negative joules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from itertools import count
from typing import Any

from llenergymeasure.core.energy.context import MeterContext
from llenergymeasure.core.gpu import Gpu
from llenergymeasure.domain.measurements import EnergyReading
from llenergymeasure.exceptions import MeterError

# Ticks of 10 to 100 ms have been seen; Zeus does not look at them, so the longest is assumed.
TICK_S = 0.1
GAIN = 0.05


class ZeusMeter:
    """Measures GPUs with a `ZeusMonitor`.

    Args:
        gpus: what is measured; each has a working energy counter.
        make_monitor: gives the monitor of the GPUs' indices.
    """

    name = "zeus"

    def __init__(self, gpus: Sequence[Gpu], make_monitor: Callable[[list[int]], Any]) -> None:
        self._uuids = {gpu.index: gpu.uuid for gpu in gpus}
        self.devices = tuple(self._uuids.values())
        self._keys = count()
        try:
            self._monitor = make_monitor(list(self._uuids))
        except Exception as error:  # a door: whatever the library raises is ours to name
            raise MeterError(f"zeus cannot start: {type(error).__name__}: {error}") from error

    def open_window(self) -> ZeusWindow:
        return ZeusWindow(self._monitor, f"llem-{next(self._keys)}", self._uuids)

    def release(self) -> None:
        """The monitor of counters holds nothing."""


class ZeusWindow:
    """A window of a `ZeusMonitor`."""

    def __init__(self, monitor: Any, key: str, uuids: Mapping[int, str]) -> None:
        self._monitor, self._key, self._uuids = monitor, key, uuids
        self._call(monitor.begin_window)
        self._open = True

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        self._open = False
        energies: Mapping[int, float] = self._call(self._monitor.end_window).gpu_energy
        return reading_of(
            {self._uuids[index]: joules for index, joules in energies.items()}, self._uuids, end_s - start_s
        )

    def abandon(self) -> None:
        if self._open:
            self._open = False
            self._call(self._monitor.end_window)

    def _call(self, function: Callable[..., Any]) -> Any:
        try:
            return function(self._key, sync_execution=False)
        except Exception as error:
            raise MeterError(f"zeus failed: {type(error).__name__}: {error}") from error


def reading_of(energies_j: Mapping[str, float], uuids: Mapping[int, str], duration_s: float) -> EnergyReading:
    """A reading from Zeus' joules per device; void when one is missing or negative."""
    missing = set(uuids.values()) - set(energies_j)
    if missing:
        return EnergyReading(meter="zeus", reason=f"zeus gave no energy for {', '.join(sorted(missing))}")
    negative = {uuid: joules for uuid, joules in energies_j.items() if joules < 0}
    if negative:
        return EnergyReading(meter="zeus", reason=f"a counter was reset in the window: zeus gave {negative} J")
    total_j = math.fsum(energies_j.values())
    edges_j = 2 * total_j / duration_s * TICK_S / math.sqrt(6)
    parts = {"gain": GAIN * total_j, "edges": edges_j}
    return EnergyReading(
        meter="zeus",
        energy_j=total_j,
        per_device_j=dict(energies_j),
        method="counter",
        uncertainty_j=math.hypot(*parts.values()),
        uncertainty_parts_j=parts,
        n_readings=int(duration_s / TICK_S),
    )


def create(context: MeterContext) -> ZeusMeter:
    """The meter over the GPUs of the context."""
    monitor = import_module("zeus.monitor").ZeusMonitor
    return ZeusMeter(context.gpus, lambda indices: monitor(gpu_indices=indices, cpu_indices=[]))
