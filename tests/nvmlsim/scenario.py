"""What is simulated, as data and as the text that the library reads."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Constant:
    """Constant power in W."""

    watts: float

    def line(self) -> str:
        return f"const {self.watts!r} 0 0 0"


@dataclass(frozen=True)
class Box:
    """Constant power between two times, else 0 W."""

    watts: float
    from_s: float
    to_s: float

    def line(self) -> str:
        return f"box {self.watts!r} {self.from_s!r} {self.to_s!r} 0"


@dataclass(frozen=True)
class Ramp:
    """0 W until `from_s`, then a linear rise until `to_s`, then constant. Negative watts give a fall."""

    watts: float
    from_s: float
    to_s: float

    def line(self) -> str:
        return f"ramp {self.watts!r} {self.from_s!r} {self.to_s!r} 0"


@dataclass(frozen=True)
class Pulses:
    """Constant power for a share of each period, one of which begins at `start_s`; else 0 W."""

    watts: float
    period_s: float
    share: float = 0.5
    start_s: float = 0.0

    def line(self) -> str:
        return f"pulses {self.watts!r} {self.period_s!r} {self.share!r} {self.start_s!r}"


Term = Constant | Box | Ramp | Pulses


@dataclass(frozen=True)
class Sensor:
    """Updates every `period_s` (once at `phase_s`) with the mean power of the last `window_s`, times its gain."""

    period_s: float
    window_s: float
    phase_s: float = 0.0
    gain: float = 1.0

    def line(self) -> str:
        return f"{self.period_s!r} {self.phase_s!r} {self.window_s!r} {self.gain!r}"


@dataclass(frozen=True)
class Process:
    """A process on a GPU; pid 0 is whoever asks."""

    pid: int
    memory_mb: float = 500.0
    graphics: bool = False
    from_s: float = -math.inf
    to_s: float = math.inf


@dataclass(frozen=True)
class Track:
    """`temperature_c`, `clock_mhz`, `utilisation_pct`, `memory_used_mb` or `reasons` from a time on."""

    quantity: str
    value: float
    from_s: float = -math.inf


@dataclass(frozen=True)
class Fault:
    """A function (`*` = every call on a device, `field:83` = one field) that returns a code, one call in `every`."""

    function: str
    code: int
    from_s: float = -math.inf
    to_s: float = math.inf
    every: int = 1
    gpu: int = -1

    def line(self) -> str:
        return f"fault {self.function} {self.gpu} {self.code} {self.from_s!r} {self.to_s!r} {self.every}"


@dataclass(frozen=True)
class Stall:
    """A function whose calls take long, one call in `every`."""

    function: str
    seconds: float
    from_s: float = -math.inf
    to_s: float = math.inf
    every: int = 1
    gpu: int = -1

    def line(self) -> str:
        return f"stall {self.function} {self.gpu} {self.seconds!r} {self.from_s!r} {self.to_s!r} {self.every}"


@dataclass(frozen=True)
class Freeze:
    """From one time to another, the values of the energy counter do not change; with `power`, those of the power sensors."""

    from_s: float
    to_s: float = math.inf
    gpu: int = 0
    power: bool = False

    def line(self) -> str:
        return f"freeze {self.gpu} {int(self.power)} {self.from_s!r} {self.to_s!r}"


@dataclass(frozen=True)
class Reset:
    """At one time, the energy counter starts again from 0. This happens when the driver is loaded again."""

    at_s: float
    gpu: int = 0

    def line(self) -> str:
        return f"reset {self.gpu} {self.at_s!r}"


Trouble = Fault | Stall | Freeze | Reset

USUAL_STATE = (
    Track("temperature_c", 45),
    Track("clock_mhz", 1980),
    Track("utilisation_pct", 50),
    Track("memory_used_mb", 1200),
    Track("reasons", 0),
)


@dataclass(frozen=True)
class SimGpu:
    """One GPU. Fields are None when it has no such sensor or does not report the value.

    It draws `idle` always, `load` times its level while load is switched on, and `rest` after it was switched off.
    """

    uuid: str
    name: str
    pci: str
    architecture: int
    capability: tuple[int, int]
    instant: Sensor | None
    average: Sensor | None
    counter: Sensor | None
    usage_is_average: bool
    idle: Sequence[Term] = (Constant(60.0),)
    load: Sequence[Term] = (Constant(240.0),)
    rest: Sequence[Term] = ()
    memory_mb: float = 80_000.0
    limit_w: float = 700.0
    default_limit_w: float = 700.0
    persistence: bool | None = True
    ecc: bool | None = True
    ring: int = 119
    counter_start_j: float = 123_456.0
    migs: Sequence[str] = ()
    processes: Sequence[Process] = ()
    tracks: Sequence[Track] = field(default=USUAL_STATE)

    def lines(self, index: int) -> Iterator[str]:
        """Its statements, as GPU number `index`."""
        yield (
            f"gpu {self.uuid} {self.pci} {self.architecture} {self.capability[0]} {self.capability[1]} {self.memory_mb!r} "
            f"{1e3 * self.limit_w!r} {1e3 * self.default_limit_w!r} {_digit_of(self.persistence)} {_digit_of(self.ecc)} "
            f"{int(self.usage_is_average)} {self.ring} {self.counter_start_j!r} {self.name}"
        )
        for which, sensor in (("counter", self.counter), ("instant", self.instant), ("average", self.average)):
            if sensor is not None:
                yield f"sensor {index} {which} {sensor.line()}"
        for which, terms in (("idle", self.idle), ("load", self.load), ("rest", self.rest)):
            yield from (f"wave {index} {which} {term.line()}" for term in terms)
        yield from (f"track {index} {track.quantity} {track.from_s!r} {track.value!r}" for track in self.tracks)
        yield from (f"mig {index} {uuid}" for uuid in self.migs)
        for one in self.processes:
            yield f"process {index} {one.pid} {one.memory_mb!r} {int(one.graphics)} {one.from_s!r} {one.to_s!r}"


def _digit_of(value: bool | None) -> int:
    return -1 if value is None else int(value)


def script(gpus: Sequence[SimGpu], troubles: Sequence[Trouble], driver: str, cuda: int, call_cost_s: float) -> str:
    """The text that the library reads; GPUs in NVML's order."""
    lines = [f"driver {driver} {cuda} {call_cost_s!r}"]
    for index, gpu in enumerate(gpus):
        lines += gpu.lines(index)
    lines += [trouble.line() for trouble in troubles]
    return "\n".join(lines) + "\n"
