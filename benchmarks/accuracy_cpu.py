"""Error of the RAPL meter against truth, on simulated energy counters of CPUs, beside the difference of two readings.

Two packages, one of them with memory. Their counters tick every millisecond at phases of their own. The loads are those of the
simulated GPUs, and the machine is idle outside the window, with a ripple. The files are read as on a real machine; the clock is
virtual, and a sleep is late as on Linux.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

from benchmarks.cells import SECONDS, Cell
from llenergymeasure.core.energy.rapl.zones import find_zones
from nvmlsim.scenario import Constant, Pulses
from nvmlsim.waves import IDLE_W, WAVES
from powercapsim import Draw, RaplBench, SimZone, part, stated_j
from scoring import RIPPLE_W

SENSORS = "rapl"
PLAIN = "plain difference"


def cells(repeats: int) -> Iterator[Cell]:
    """Our meter and the plain difference on the same windows."""
    for seconds in SECONDS:
        yield from _cells(seconds, repeats)


def _cells(seconds: float, repeats: int) -> tuple[Cell, Cell]:
    ours, plain = (Cell(tool, SENSORS, seconds, [], [], []) for tool in ("llenergymeasure", PLAIN))
    for wave in WAVES:
        for number in range(repeats):
            random = Random(f"{SENSORS}, {wave}, {seconds}, {number}")
            with tempfile.TemporaryDirectory() as folder:
                (error, stated), plain_error = _errors(Path(folder) / "powercap", wave, seconds, random)
            ours.waves.append(wave)
            ours.errors.append(error)
            ours.stated.append(stated)
            plain.waves.append(wave)
            plain.errors.append(plain_error)
    return ours, plain


def _errors(root: Path, wave: str, seconds: float, random: Random) -> tuple[tuple[float, float], float]:
    """Error and stated uncertainty of our meter, and the error of the plain difference, relative to the truth."""
    bench = RaplBench(root, *_zones(wave, seconds, random), random=random)
    bench.clock.sleep(1.0 + random.random())
    plain_j: list[float] = []
    bench.at_the_edges = lambda: plain_j.append(sum(zone.read_uj() for zone in find_zones(root) if zone.counted) / 1e6)
    reading, truth_j = bench.window(seconds)
    assert reading.energy_j is not None, reading.reason
    plain_error = (plain_j[1] - plain_j[0]) / truth_j - 1
    return (reading.energy_j / truth_j - 1, stated_j(reading) / truth_j), plain_error


def _zones(wave: str, seconds: float, random: Random) -> Iterator[SimZone]:
    for number in (0, 1):
        ripple = Pulses(RIPPLE_W, 0.25 + 0.35 * random.random(), share=0.3, start_s=random.random())
        draw = Draw((Constant(IDLE_W), ripple), WAVES[wave](random, seconds))
        yield SimZone(f"intel-rapl:{number}", f"package-{number}", draw, phase_s=0.001 * random.random())
    yield part("dram", phase_s=0.001 * random.random())
