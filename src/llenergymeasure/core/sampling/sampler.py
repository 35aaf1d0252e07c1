"""Samples the GPUs in one thread during the whole experiment.

Every `interval_s` it reads the energy counter and power, in one call per GPU. Every `SLOW_S` it reads temperature, clock,
utilisation, memory and event reasons. It reports its own gaps, overruns and CPU time.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Sequence

from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.nvml.gpu import Gpu
from llenergymeasure.core.sampling.conditions import ConditionLog, conditions_of, throttling_of
from llenergymeasure.core.sampling.gpu_processes import GpuProcesses
from llenergymeasure.core.sampling.outside import power_outside
from llenergymeasure.core.sampling.power_log import PowerLog
from llenergymeasure.core.sampling.power_sensors import instant_sensor
from llenergymeasure.core.sampling.timeseries import rows_of
from llenergymeasure.core.sampling.updates import energy_steps
from llenergymeasure.domain.sensors import PowerTrace, SamplerReport
from llenergymeasure.exceptions import MeterError, ReadingFailed, SensorFault
from llenergymeasure.protocols import Clock
from llenergymeasure.records import Trace

DEFAULT_INTERVAL_S = 0.050
SLOW_S = 0.5
# Interval at which processes are listed; the driver needs about a millisecond for it.
PROCESSES_S = 5.0
# Five missed samples are 250 ms at the default interval: more than two updates of the slowest sensor are missed.
GAP_INTERVALS = 5
# The time of a reading is the middle of its call. A call longer than this many intervals has no usable time.
SLOWEST_INTERVALS = 2


class GpuSampler:
    """Samples GPUs in a separate thread, or one sample per call of `sample`.

    Attributes:
        power: one log per GPU, by uuid.
        conditions: one log per GPU, by uuid.
        faults: why a GPU is no longer sampled, by uuid.
    """

    def __init__(
        self,
        door: GpuDoor,
        gpus: Sequence[Gpu],
        clock: Clock,
        interval_s: float = DEFAULT_INTERVAL_S,
        gpu_processes: GpuProcesses | None = None,
    ) -> None:
        self._door, self._gpus, self._clock, self.interval_s = door, tuple(gpus), clock, interval_s
        self.power = {gpu.uuid: PowerLog() for gpu in gpus}
        self.conditions = {gpu.uuid: ConditionLog() for gpu in gpus}
        self.faults: dict[str, str] = {}
        self._failed = array("d")
        self._last_failure = ""
        self._overruns = array("d")
        self._recorded = array("d")
        self._gpu_processes = gpu_processes or GpuProcesses()
        self._unlisted = {gpu.index for gpu in gpus}
        self._next_slow_s = self._next_listing_s = 0.0
        self._cpu_s = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start sampling in a separate thread."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="llem-sampler", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop the thread. A thread that hangs in a driver call is abandoned. Safe to call twice."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=2.0)
            if self._thread.is_alive():
                self._door.abandon()
            self._thread = None

    def cpu_seconds(self) -> float:
        """CPU time in s that the sampling thread has used so far."""
        return self._cpu_s

    def _run(self) -> None:
        due_s = self._clock.now()
        while not self._stop.is_set():
            self.sample()
            self._cpu_s = time.thread_time()
            due_s += self.interval_s
            late_s = self._clock.now() - due_s
            if late_s > 0:
                self._overruns.append(due_s)
                due_s += late_s // self.interval_s * self.interval_s
            self._stop.wait(max(due_s - self._clock.now(), 0))

    def sample(self) -> None:
        """Take one sample of every GPU without a fault."""
        now_s = self._clock.now()
        slow = now_s >= self._next_slow_s
        if slow:
            self._next_slow_s = now_s + SLOW_S
        for gpu in self._gpus:
            if gpu.uuid not in self.faults:
                self._sample(gpu, slow)
        if now_s >= self._next_listing_s:
            self._next_listing_s = now_s + PROCESSES_S
            self._list_processes()

    def _sample(self, gpu: Gpu, slow: bool) -> None:
        try:
            before_s = self._clock.now()
            reading = self._door.power(gpu)
            after_s = self._clock.now()
            if after_s - before_s > SLOWEST_INTERVALS * self.interval_s:
                raise ReadingFailed(f"a reading took {after_s - before_s:.2g} s, so its time is not known")
            time_s = (before_s + after_s) / 2
            self._fill_gap(gpu, time_s)
            self.power[gpu.uuid].add(
                time_s, energy_j=reading.energy_j, average_w=reading.average_w, instant_w=reading.instant_w
            )
            if slow:
                self.conditions[gpu.uuid].add(time_s, self._door.conditions(gpu))
        except SensorFault as fault:
            self.faults[gpu.uuid] = str(fault)
        except MeterError as error:
            self._failed.append(self._clock.now())
            self._last_failure = str(error)

    def _fill_gap(self, gpu: Gpu, now_s: float) -> None:
        """After a gap, add the samples that the driver recorded meanwhile, where it keeps a record."""
        log = self.power[gpu.uuid]
        last_s = log.last_s
        if last_s is None or now_s - last_s <= GAP_INTERVALS * self.interval_s:
            return
        epoch_s = self._clock.utc_now().timestamp() - self._clock.now()
        # A record has the time of its update; a sample is read half a period after its update on average.
        age_s = instant_sensor(gpu.architecture, gpu.name).period_s / 2
        for utc_s, watts in self._door.recent_power(gpu, last_s + epoch_s):
            time_s = utc_s - epoch_s + age_s
            if last_s < time_s < now_s:
                log.add(time_s, instant_w=watts)
                self._recorded.append(time_s)

    def _list_processes(self) -> None:
        for gpu in self._gpus:
            pids = self._door.processes(gpu)
            if pids is not None:
                self._unlisted.discard(gpu.index)
                self._gpu_processes.add(self._clock.now(), gpu, pids)

    def catch_up(self, end_s: float) -> None:
        """Wait until the second sensor update after the end of the work is sampled: sensors show the work with a delay."""
        slowest_s = max(instant_sensor(gpu.architecture, gpu.name).period_s for gpu in self._gpus)
        ready_s = end_s + 3 * slowest_s + 2 * self.interval_s
        while (left_s := ready_s - self._clock.now()) > 0:
            self._clock.sleep(min(left_s, self.interval_s))

    def trace(self, start_s: float, end_s: float, opened_s: float | None = None) -> Trace | None:
        self.catch_up(end_s)
        self._list_processes()
        return Trace(
            report=self._report(start_s, end_s),
            timeseries=rows_of(self._gpus, self.power, self.conditions, start_s, end_s),
            throttling=throttling_of(list(self.conditions.values()), start_s, end_s),
            foreign_processes=None if self._unlisted else self._gpu_processes.foreign(start_s, end_s),
            energy_steps=tuple(energy_steps(log, start_s, end_s) for log in self.power.values()),
            conditions=tuple(conditions_of(gpu.index, self.conditions[gpu.uuid], start_s, end_s) for gpu in self._gpus),
            outside=self._outside(opened_s, start_s, end_s),
        )

    def _outside(self, opened_s: float | None, start_s: float, end_s: float) -> tuple[PowerTrace, ...]:
        if opened_s is None:
            return ()
        return tuple(power_outside(gpu, self.power[gpu.uuid], opened_s, start_s, end_s) for gpu in self._gpus)

    def _report(self, start_s: float, end_s: float) -> SamplerReport:
        logs = list(self.power.values())
        times = [log.times(start_s, end_s) for log in logs]
        edges = [[start_s, *inside, end_s] for inside in times]
        gaps = [after - before for path in edges for before, after in zip(path, path[1:])]
        failed = sum(start_s <= time_s <= end_s for time_s in self._failed)
        problems = [f"GPU {gpu.index}: {self.faults[gpu.uuid]}" for gpu in self._gpus if gpu.uuid in self.faults]
        if failed:
            problems.append(
                f"{failed} readings failed in the window and were skipped; the last one: {self._last_failure}"
            )
        problems += [f"GPU {index}: its processes could not be listed" for index in sorted(self._unlisted)]
        sensors = (instant_sensor(gpu.architecture, gpu.name) for gpu in self._gpus)
        sensor = min(sensors, key=lambda each: each.window_s / each.period_s)
        return SamplerReport(
            n_samples=sum(map(len, times)),
            interval_s=self.interval_s,
            gaps=sum(gap > GAP_INTERVALS * self.interval_s for gap in gaps),
            overruns=sum(start_s <= time_s <= end_s for time_s in self._overruns),
            longest_gap_s=max(gaps, default=None),
            from_driver_record=sum(start_s <= time_s <= end_s for time_s in self._recorded),
            sensor_period_s=sensor.period_s,
            sensor_window_s=sensor.window_s,
            problems=tuple(problems),
        )
