"""Zeus and CodeCarbon, unmodified, on simulated GPUs in virtual time.

Zeus only reads the counter. CodeCarbon reads the time and has two timers: its clock is replaced and its timers are called
once per second of virtual time, in the process of the benchmark. Its `start` and `stop` take no virtual time; on a real
machine the counter advances meanwhile.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from random import Random
from typing import Any

from benchmarks import simulated  # noqa: F401 - finds the tests' modules
from nvmlsim import Simulation
from scoring import settle, work

KWH_J = 3.6e6
# Joules of one window, and of the truth.
Window = Callable[[Simulation, float, Random], tuple[float, float]]


def zeus() -> Window:
    """A window of a `ZeusMonitor`, as its documentation shows it. Call it while a simulation is active."""
    from zeus.monitor import ZeusMonitor

    monitor = ZeusMonitor(gpu_indices=[0], cpu_indices=[])

    def window(sim: Simulation, seconds: float, random: Random) -> tuple[float, float]:
        settle(sim, random)
        monitor.begin_window("work", sync_execution=False)
        start_s, end_s = work(sim, seconds)
        found = monitor.end_window("work", sync_execution=False)
        return found.gpu_energy[0], sim.truth_j(start_s, end_s)

    return window


def codecarbon() -> Window:
    """A window of CodeCarbon's tracker that measures every second. Call it while a simulation is active."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        from codecarbon import OfflineEmissionsTracker, emissions_tracker

    def window(sim: Simulation, seconds: float, random: Random) -> tuple[float, float]:
        settle(sim, random)
        emissions_tracker.time = VirtualTime(sim)
        tracker = OfflineEmissionsTracker(
            country_iso_code="USA", output_methods=[], log_level="critical", measure_power_secs=3600, gpu_ids=[0],
            allow_multiple_runs=True, force_cpu_power=10, force_ram_power=5,
        )  # fmt: skip
        tracker.start()
        tracker._scheduler_monitor_power.stop()
        sim.clock.sampler = Timers(tracker)
        start_s, end_s = work(sim, seconds)
        sim.clock.sampler = None
        tracker.stop()
        return tracker.final_emissions_data.gpu_energy * KWH_J, sim.truth_j(start_s, end_s)

    return window


class VirtualTime:
    """The functions of the module `time` that CodeCarbon uses."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim

    def perf_counter(self) -> float:
        return self._sim.clock.now()

    def time(self) -> float:
        return self._sim.clock.utc_now().timestamp()


class Timers:
    """CodeCarbon's timers, called by the clock once per second, the first time a second after the start."""

    interval_s = 1.0

    def __init__(self, tracker: Any) -> None:
        self._tracker, self._begun = tracker, False

    def sample(self) -> None:
        if self._begun:
            self._tracker._monitor_power()
            self._tracker._measure_power_and_energy()
        self._begun = True
