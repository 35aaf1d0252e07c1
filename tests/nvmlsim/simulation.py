"""A scenario at work: files for the library, the time that it runs on, and the truth."""

from __future__ import annotations

import ctypes
import mmap
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from random import Random
from typing import Protocol

from nvmlsim import truth
from nvmlsim.build import SONAME
from nvmlsim.scenario import SimGpu, Trouble, script

START_S = 10.0
EPOCH_S = 1.7e9
# Measured on Linux: a sleep is some 60 us late, a thread that polls every 50 ms about half a millisecond.
SLEEP_LATE_S, SAMPLE_LATE_S = 60e-6, 500e-6
# Places in the mapped file, in words of 8 bytes; see `Clock` in nvmlsim.c.
IS_VIRTUAL, N_SWITCHES, NOW, ORIGIN, UTC_OFFSET, SWITCHES = 0, 1, 2, 3, 4, 8
MAX_SWITCHES = 16384
FILE_BYTES = 8 * (SWITCHES + 3 * MAX_SWITCHES)


class Stepped(Protocol):
    """What is stepped by the clock instead of running in a thread of its own: a `GpuSampler`."""

    interval_s: float

    def sample(self) -> None: ...


class SimClock:
    """Scenario time for the product. Sleeping moves it and lets the sampler take its samples on the way.

    Attributes:
        sampler: what is stepped.
        jitter: makes every sleep and every sample late, as those of a real machine are; None for exact ones.
    """

    def __init__(self, words: memoryview) -> None:
        self._words = words
        self.sampler: Stepped | None = None
        self.jitter: Random | None = None
        self._due_s = 0.0

    def now(self) -> float:
        return self._words[NOW]

    def sleep(self, seconds: float) -> None:
        end_s = self.now() + seconds + self._late_s(SLEEP_LATE_S)
        while self.sampler is not None and max(self._due_s, self.now()) < end_s:
            self._words[NOW] = max(self._due_s, self.now())
            self._due_s = self.now() + self.sampler.interval_s + self._late_s(SAMPLE_LATE_S)
            self.sampler.sample()
        self._words[NOW] = max(self.now(), end_s)

    def _late_s(self, mean_s: float) -> float:
        return self.jitter.expovariate(1 / mean_s) if self.jitter else 0.0

    def utc_now(self) -> datetime:
        return datetime.fromtimestamp(EPOCH_S + self.now(), timezone.utc)

    def cpu_seconds(self) -> float:
        return 0.0


class Simulation:
    """Simulated GPUs.

    Args:
        folder: an empty one, for its files.
        library: what `build_library` returned.
        gpus: in NVML's order.
        troubles: what goes wrong.
        real: real time instead of a clock that only sleeping and calls move.
        call_cost_s: what every call costs in virtual time.

    Attributes:
        environ: for processes that shall find these GPUs.
        clock: the scenario's time; moves nothing in real time.
        origin_s: `time.perf_counter()` at scenario time 0, in real time.
    """

    def __init__(
        self,
        folder: Path,
        library: Path,
        gpus: Sequence[SimGpu],
        troubles: Sequence[Trouble] = (),
        real: bool = False,
        driver: str = "580.95.05",
        cuda: int = 13000,
        call_cost_s: float = 20e-6,
    ) -> None:
        self.gpus, self._library = tuple(gpus), library
        self.origin_s = time.perf_counter() - START_S
        self._utc_offset_s = time.time() - START_S if real else EPOCH_S
        self._switches: list[tuple[float, int, float]] = []
        scenario, clock = folder / "scenario.txt", folder / "clock.bin"
        scenario.write_text(script(gpus, troubles, driver, cuda, call_cost_s), encoding="utf-8")
        clock.write_bytes(bytes(FILE_BYTES))
        with clock.open("r+b") as file:
            self._map = memoryview(mmap.mmap(file.fileno(), FILE_BYTES))
        self._words, self._counts, self._real = self._map.cast("d"), self._map.cast("Q"), real
        self._counts[IS_VIRTUAL] = int(not real)
        self._words[NOW], self._words[ORIGIN], self._words[UTC_OFFSET] = START_S, self.origin_s, self._utc_offset_s
        self.clock = SimClock(self._words)
        self.environ = {
            "NVMLSIM_SCENARIO": str(scenario),
            "NVMLSIM_CLOCK": str(clock),
            "LD_LIBRARY_PATH": str(library.parent),
            "PATH": f"{_nvidia_smi(folder)}{os.pathsep}{os.environ.get('PATH', '')}",
        }

    def now(self) -> float:
        """Scenario time."""
        return time.perf_counter() - self.origin_s if self._real else self.clock.now()

    def rewind(self, time_s: float) -> None:
        """Set virtual time back, for another process that looks at the same scenario from its beginning."""
        self._words[NOW] = time_s

    def switch(self, level: float, gpu: int = -1) -> None:
        """Set the level of the load waveform from now on (0 = idle), on one GPU or on all."""
        number, at_s = len(self._switches), self.now()
        for place, value in enumerate((at_s, float(gpu), level), SWITCHES + 3 * number):
            self._words[place] = value
        self._switches.append((at_s, gpu, level))
        self._counts[N_SWITCHES] = number + 1

    def truth_j(self, from_s: float, to_s: float, gpu: int | None = None) -> float:
        """Joules that a GPU, or all of them, drew from one scenario time to another."""
        numbers = range(len(self.gpus)) if gpu is None else [gpu]
        return sum(truth.energy_j(self.gpus[i], self._switched(i), from_s, to_s) for i in numbers)

    def truth_utc_j(self, from_utc_s: float, to_utc_s: float, gpu: int | None = None) -> float:
        """The same for times in seconds since 1970, such as a result's `window_utc`."""
        return self.truth_j(from_utc_s - self._utc_offset_s, to_utc_s - self._utc_offset_s, gpu)

    def utc_s(self, time_s: float) -> float:
        """A scenario time in seconds since 1970."""
        return self._utc_offset_s + time_s

    def _switched(self, gpu: int) -> list[tuple[float, float]]:
        return [(at_s, level) for at_s, whose, level in self._switches if whose in (-1, gpu)]

    @contextmanager
    def here(self) -> Iterator[Simulation]:
        """Let this process see the GPUs.

        Raises:
            RuntimeError: it has the real NVML loaded already.
        """
        # The loader knows a library by its soname: pynvml's CDLL("libnvidia-ml.so.1") finds the one that is there.
        ctypes.CDLL(str(self._library))
        if not hasattr(ctypes.CDLL(SONAME), "nvmlsim_is_simulated"):
            raise RuntimeError("the real NVML is loaded in this process")
        before = {name: os.environ.get(name) for name in self.environ if name != "LD_LIBRARY_PATH"}
        os.environ.update({name: self.environ[name] for name in before})
        try:
            yield self
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def _nvidia_smi(folder: Path) -> Path:
    """A folder with an `nvidia-smi` that can be called: CodeCarbon looks for no GPU without one."""
    tool = folder / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho simulated\n", encoding="utf-8")
    tool.chmod(0o755)
    return tool.parent


def attached_clock(environ: Mapping[str, str]) -> SimClock:
    """The clock of a scenario in virtual time, for another process that shall move it."""
    with Path(environ["NVMLSIM_CLOCK"]).open("r+b") as file:
        return SimClock(memoryview(mmap.mmap(file.fileno(), FILE_BYTES)).cast("d"))
