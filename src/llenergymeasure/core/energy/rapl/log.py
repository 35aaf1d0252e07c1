"""Records one counter: joules that only rise, with the counter's return to 0 taken into account, and what went wrong."""

from __future__ import annotations

import threading

from llenergymeasure.core.energy.rapl.zones import JOULES_PER_UJ, Zone
from llenergymeasure.core.energy.ticks import LONGEST_PAUSE_S, Tick
from llenergymeasure.core.sampling.power_log import PowerLog
from llenergymeasure.exceptions import MeterError, SensorFault
from llenergymeasure.protocols import Clock

# A decision: ten times the 500 W of the largest CPU packages, which leaves room for a platform of several. A counter that fell
# has either begun at 0 again after its range, and then the power in between is below this, or it was reset.
HIGHEST_W = 5000.0
# A decision: the joules of a tick appear at once, and a hundred ticks of 1 ms may be late. A larger value would hide a reset.
LATE_S = 0.1
# A decision: samples are about 0.1 ms apart and updates 1 ms, so a gap ten times as long as the shortest may hold several updates.
GAPS_PER_UPDATE = 10


class ZoneLog:
    """The samples of one counter.

    Args:
        zone: the counter.
        clock: the clock of the window.

    Attributes:
        energy: joules since the first sample, at the time of each sample.
        faults: time and description of each jump that is no consumption.
        gone: why the counter is not read any more; None while it is.
        n_ticks: number of updates seen between two samples that were at most `LONGEST_PAUSE_S` apart.
        slowest_s: longest duration of a reading in s since the last restart.
    """

    def __init__(self, zone: Zone, clock: Clock) -> None:
        self.zone, self._clock, self._lock = zone, clock, threading.Lock()
        self.energy = PowerLog()
        self.faults: list[tuple[float, str]] = []
        self.gone: str | None = None
        self.n_ticks = 0
        self.slowest_s = 0.0
        self._last: tuple[float, int] | None = None
        self._total_uj = 0

    def restart(self) -> None:
        """Forget the last value: the time until the next sample is not measured. Readings before it do not count as slow."""
        with self._lock:
            self._last, self.slowest_s = None, 0.0

    def sample(self) -> None:
        """Read the counter once."""
        with self._lock:
            if self.gone is None:
                self._sample()

    def _sample(self) -> None:
        before_s = self._clock.now()
        try:
            shown_uj = self.zone.read_uj()
        except SensorFault as fault:
            self.gone = str(fault)
            return
        except MeterError as error:
            self.faults.append((before_s, str(error)))
            return
        after_s = self._clock.now()
        self.slowest_s = max(self.slowest_s, after_s - before_s)
        self._add((before_s + after_s) / 2, shown_uj)

    def _add(self, time_s: float, shown_uj: int) -> None:
        if self._last is not None:
            rose_uj = self._rise_uj(*self._last, time_s, shown_uj)
            self.n_ticks += rose_uj > 0 and time_s - self._last[0] <= LONGEST_PAUSE_S
            self._total_uj += rose_uj
        self._last = time_s, shown_uj
        self.energy.add(time_s, energy_j=self._total_uj * JOULES_PER_UJ)

    def _rise_uj(self, last_s: float, last_uj: int, time_s: float, shown_uj: int) -> int:
        """The energy in uJ since the last sample; 0 with a fault when it cannot be known."""
        waited_s = time_s - last_s
        possible_uj = HIGHEST_W * (waited_s + LATE_S) / JOULES_PER_UJ
        wrapped = shown_uj < last_uj
        rose_uj = shown_uj - last_uj + wrapped * self.zone.range_uj
        if possible_uj >= self.zone.range_uj:
            self.faults.append((time_s, f"was not read for {waited_s:.3g} s and may have returned to 0 meanwhile"))
        elif rose_uj <= possible_uj:
            return rose_uj
        elif wrapped:
            values = f"from {last_uj * JOULES_PER_UJ:.6g} to {shown_uj * JOULES_PER_UJ:.6g} J"
            self.faults.append((time_s, f"went backwards {values}, which is not its return to 0 after its range"))
        else:
            self.faults.append((time_s, f"rose by {rose_uj * JOULES_PER_UJ:.4g} J in {waited_s:.3g} s"))
        return 0

    def ticks(self, start_s: float, end_s: float) -> list[Tick]:
        """The updates seen between two times, each in the middle of two samples.

        Updates whose times are much less exact, as after a stop of this process, are left out if at least two others remain.
        """
        points = [point for point in self.energy.between("energy_j", start_s, end_s) if start_s <= point[0] <= end_s]
        ticks = [
            Tick((t_a + t_b) / 2, j_b, t_b - t_a) for (t_a, j_a), (t_b, j_b) in zip(points, points[1:]) if j_b != j_a
        ]
        most_s = min(LONGEST_PAUSE_S, GAPS_PER_UPDATE * min((tick.poll_s for tick in ticks), default=0.0))
        exact = [tick for tick in ticks if tick.poll_s <= most_s]
        return exact if len(exact) >= 2 else ticks
