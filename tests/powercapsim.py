"""A powercap tree whose counters follow a known power, on a clock that moves when a caller sleeps or asks for the time.

The counters tick like those of a CPU: each shows the joules up to its last tick, rounded to its step, and begins at 0 again
after its range. They can stop, go backwards or vanish.
"""

from __future__ import annotations

import codecs
import math
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from fakes_energy import TimerClock
from llenergymeasure.core.energy.rapl.meter import RaplMeter
from llenergymeasure.core.energy.rapl.zones import working_zones
from llenergymeasure.domain.energy import EnergyReading
from nvmlsim.scenario import Constant, Term
from nvmlsim.truth import energy_j

# What Linux shows on processors with steps of 61 and 15.3 uJ.
RANGE_UJ, FINE_RANGE_UJ = 262_143_328_850, 65_712_999_613
# A number and spaces: one write replaces it whole.
WIDTH = 24


@dataclass
class Draw:
    """Power in W: idle, and what the load and the time after it add, from the moment of the switch."""

    idle: Sequence[Term] = (Constant(20.0),)
    load: Sequence[Term] = (Constant(60.0),)
    rest: Sequence[Term] = ()


@dataclass
class SimZone:
    """One zone of the tree, and what happens to its counter."""

    folder: str
    name: str
    draw: Draw
    range_uj: int = RANGE_UJ
    start_uj: int = 1_000_000
    tick_s: float = 0.001
    phase_s: float = 0.0
    stops_at_s: float = math.inf
    resets_at_s: float = math.inf
    vanishes_at_s: float = math.inf


class SimClock(TimerClock):
    """A clock on which a question takes 5 us, and a sleep is late as on Linux.

    Attributes:
        moved: is called with the time when it has moved.
        stop: the number of the sleep in which the system stops the process, from now on, and for how long in s.
    """

    def __init__(self, random: Random | None = None) -> None:
        super().__init__()
        self._random = random
        self.stop: tuple[int, float] = (0, 0.0)
        self.moved: Callable[[float], None] = lambda now_s: None

    def now(self) -> float:
        self.seconds += 5e-6
        self.moved(self.seconds)
        return self.seconds

    def sleep(self, seconds: float) -> None:
        late_s = 0.0 if self._random is None else 50e-6 + self._random.expovariate(1 / 20e-6)
        sleeps, stopped_s = self.stop
        self.stop = sleeps - 1, stopped_s
        super().sleep(seconds + late_s + (stopped_s if sleeps == 1 else 0.0))
        self.moved(self.seconds)

    def repeat(self, interval_s: float, call: Callable[[], None]) -> Callable[[], None]:
        self.every(interval_s, call)
        return lambda: self.cancel(call)


class SimPowercap:
    """The tree of some zones below a folder.

    Args:
        root: where the tree is written.
        zones: its zones.
        now_s: the time at which the counters begin.
    """

    def __init__(self, root: Path, zones: Sequence[SimZone], now_s: float) -> None:
        self.root, self.zones = root, list(zones)
        self.switches: list[tuple[float, float]] = []
        self._from_s = now_s
        self._drawn: dict[str, tuple[float, float]] = {zone.folder: (now_s, 0.0) for zone in zones}
        self._shown: dict[str, int] = {}
        for zone in zones:
            folder = root / zone.folder
            folder.mkdir(parents=True)
            (folder / "name").write_text(f"{zone.name}\n")
            (folder / "max_energy_range_uj").write_text(f"{zone.range_uj}\n")
            (folder / "energy_uj").write_text(" " * WIDTH)
        self.update(now_s)

    def update(self, now_s: float) -> None:
        """Show what the counters show at this time."""
        for zone in self.zones:
            path = self.root / zone.folder
            if now_s >= zone.vanishes_at_s:
                shutil.rmtree(path, ignore_errors=True)
            elif (shown_uj := self._counter_uj(zone, now_s)) != self._shown.get(zone.folder):
                self._shown[zone.folder] = shown_uj
                _overwrite(path / "energy_uj", shown_uj)

    def _counter_uj(self, zone: SimZone, now_s: float) -> int:
        until_s = min(now_s, zone.stops_at_s)
        tick_s = math.floor((until_s - zone.phase_s) / zone.tick_s) * zone.tick_s + zone.phase_s
        step_uj = zone.range_uj / (2**32 - 1)
        drawn_uj = int(self._until_j(zone, max(tick_s, self._from_s)) * 1e6 / step_uj) * step_uj
        if now_s >= zone.resets_at_s:
            return int(drawn_uj - self.truth_j([zone], self._from_s, zone.resets_at_s) * 1e6)
        return int((zone.start_uj + drawn_uj) % zone.range_uj)

    def _until_j(self, zone: SimZone, time_s: float) -> float:
        """Joules from the beginning to a time, added up from call to call."""
        last_s, joules = self._drawn[zone.folder]
        if time_s > last_s:
            joules += self.truth_j([zone], last_s, time_s)
            self._drawn[zone.folder] = time_s, joules
        return joules

    def switch(self, time_s: float, level: float) -> None:
        """From now on the load is on (1.0) or off (0.0)."""
        self.switches.append((time_s, level))

    def truth_j(self, zones: Sequence[SimZone], from_s: float, to_s: float) -> float:
        """What some zones really drew, in J."""
        return math.fsum(energy_j(zone.draw, self.switches, from_s, to_s) for zone in zones)  # type: ignore[arg-type]


def _overwrite(path: Path, value: int) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.pwrite(descriptor, f"{value}\n".ljust(WIDTH).encode(), 0)
    finally:
        os.close(descriptor)


@contextmanager
def only_for_root() -> Iterator[Path]:
    """A tree whose counters this process may not read: it becomes another user if it is root."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "powercap"
        SimPowercap(root, [package(), part("dram")], 100.0)
        for path in (Path(folder), root, *root.iterdir()):
            path.chmod(0o755)
        (root / "intel-rapl:0" / "energy_uj").chmod(0)
        is_root = os.geteuid() == 0
        if is_root:
            codecs.lookup("ascii")  # another user may not be able to import it from the standard library of root
            os.seteuid(65534)
        try:
            yield root
        finally:
            if is_root:
                os.seteuid(0)


def package(number: int = 0, watts: float = 60.0, idle_w: float = 20.0, **changes: object) -> SimZone:
    """A package with so many watts of load on top of idle."""
    draw = Draw((Constant(idle_w),), (Constant(watts),))
    return SimZone(f"intel-rapl:{number}", f"package-{number}", draw, **changes)  # type: ignore[arg-type]


def part(
    name: str, of: int = 0, number: int = 0, watts: float = 30.0, idle_w: float = 5.0, **changes: object
) -> SimZone:
    """A zone below a package."""
    draw = Draw((Constant(idle_w),), (Constant(watts),))
    return SimZone(f"intel-rapl:{of}:{number}", name, draw, **changes)  # type: ignore[arg-type]


class RaplBench:
    """One RAPL meter on simulated zones; `window` runs a load and returns reading and truth."""

    def __init__(self, root: Path, *zones: SimZone, random: Random | None = None) -> None:
        self.clock = SimClock(random)
        self.tree = SimPowercap(root, zones or [package()], self.clock.seconds)
        self.clock.moved = self.tree.update
        self.at_the_edges: Callable[[], object] = lambda: None
        self.meter = RaplMeter(working_zones(root, self.clock), self.clock, self.clock.repeat)

    def window(self, seconds: float) -> tuple[EnergyReading, float]:
        measurement = self.meter.open_window()
        start_s = self.clock.now()
        self.at_the_edges()
        self.tree.switch(start_s, 1.0)
        self.clock.sleep(seconds)
        end_s = self.clock.now()
        self.tree.switch(end_s, 0.0)
        self.at_the_edges()
        counted = [zone for zone in self.tree.zones if zone.name.startswith(("package", "dram"))]
        truth_j = self.tree.truth_j(counted, start_s, end_s)
        return measurement.close(start_s, end_s), truth_j


def stated_j(reading: EnergyReading) -> float:
    """The stated uncertainty in J without its gain part."""
    return math.hypot(*(part_j for name, part_j in reading.uncertainty_parts_j.items() if name != "gain"))
