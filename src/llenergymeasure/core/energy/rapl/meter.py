"""The RAPL meter: the energy of the CPU packages and their memory, between ticks of the counters outside the window.

The total is the sum of the packages and of their `dram` zones. A package contains its cores; `psys` contains the packages.
These zones are reported and never added.
"""

from __future__ import annotations

from collections.abc import Sequence

from llenergymeasure.core.devices import MeterContext
from llenergymeasure.core.energy.rapl.reading import NAME, Edges, reading_of
from llenergymeasure.core.energy.rapl.watch import Repeat, ZoneWatch, in_a_thread
from llenergymeasure.core.energy.rapl.zones import Zone, counted_names, permission, working_zones
from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.exceptions import MeterError
from llenergymeasure.protocols import Clock


class RaplMeter:
    """Measures CPU packages through Linux powercap.

    Args:
        zones: the counters, at least one of them counted.
        clock: the clock of the window.
        repeat: calls a function at an interval, to read the counters during the window.
    """

    name = NAME

    def __init__(self, zones: Sequence[Zone], clock: Clock, repeat: Repeat = in_a_thread) -> None:
        self.devices = tuple(counted_names(zones))
        self._clock = clock
        self._watch = ZoneWatch(zones, clock, repeat)

    def open_window(self) -> RaplWindow:
        return RaplWindow(self._watch, self._clock)

    def release(self) -> None:
        self._watch.stop()


class RaplWindow:
    """A window of the RAPL meter."""

    def __init__(self, watch: ZoneWatch, clock: Clock) -> None:
        self._watch, self._clock = watch, clock
        self._opened_s = clock.now()
        self._watch.enter()
        self._is_open = True
        self._before = watch.ticks()
        watch.sample()

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        if not self._is_open:
            return EnergyReading(meter=NAME, reason="the window was already closed")
        self._watch.sample()
        edges = Edges(self._opened_s, start_s, end_s, self._before, self._watch.ticks())
        self.abandon()
        return reading_of(self._watch.logs, edges)

    def abandon(self) -> None:
        if self._is_open:
            self._is_open = False
            self._watch.leave()


def probe(context: MeterContext) -> str | None:
    """None when every package has a counter that can be read and advances, else the reason."""
    try:
        working_zones(context.powercap, context.clock)
    except MeterError as error:
        return str(error)
    return None


def fix(context: MeterContext) -> str | None:
    """The command that lets this user read the counters, and what it is for; None when permission is not the problem."""
    command = permission(context.powercap)
    if command is None:
        return None
    return (
        f"{command} (it lets your group read the energy counters, which only root may read since 2020 because of "
        "CVE-2020-8694; it lasts until the next start, and docs/troubleshooting.md has the udev rule for longer)"
    )


def create(context: MeterContext) -> RaplMeter:
    """The meter of the CPUs of the machine.

    Raises:
        MeterError: there is no counter that can be read.
    """
    return RaplMeter(working_zones(context.powercap, context.clock), context.clock)
