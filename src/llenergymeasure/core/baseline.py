"""Measures idle power: the meter's reading over a window in which nothing runs, divided by its duration."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from statistics import fmean

from llenergymeasure.config.sections import BaselineConfig
from llenergymeasure.core.energy.check_reading import check_reading
from llenergymeasure.domain.energy import BaselineResult
from llenergymeasure.domain.sensors import TimeSeries
from llenergymeasure.exceptions import MeterError
from llenergymeasure.protocols import Clock, EnergyBackend
from llenergymeasure.records import Trace

TTL_S = 3600.0
# The accuracy of a power reading that NVML documents: 5 W or 5 %. Two halves that differ more were not steady.
SETTLED_W = 5.0
SETTLED_SHARE = 0.05

Watch = Callable[[float, float], "Trace | None"]
Wait = Callable[[float], None]


@dataclass
class BaselineCache:
    """Idle power measured earlier in this process, by meter and devices."""

    _entries: dict[tuple[str, ...], tuple[float, BaselineResult]] = field(default_factory=dict)

    def get(self, key: tuple[str, ...], now_s: float) -> BaselineResult | None:
        """The entry with its age in seconds, or None when there is none younger than an hour."""
        measured_s, baseline = self._entries.get(key, (0.0, None))
        age_s = now_s - measured_s
        if baseline is None or age_s > TTL_S:
            return None
        return baseline.model_copy(update={"provenance": "cached", "age_sec": age_s})

    def put(self, key: tuple[str, ...], now_s: float, baseline: BaselineResult) -> None:
        """Keep a fresh baseline."""
        self._entries[key] = (now_s, baseline)

    def known(self, now_s: float) -> Iterator[tuple[tuple[str, ...], float, BaselineResult]]:
        """Key, age in seconds and baseline of every entry, for another process."""
        for key, (measured_s, baseline) in self._entries.items():
            yield key, now_s - measured_s, baseline


def baseline_of(
    config: BaselineConfig,
    meter: EnergyBackend,
    clock: Clock,
    wait: Wait,
    cache: BaselineCache,
    model: str,
    watch: Watch = lambda start_s, end_s: None,
    begin: Callable[[], None] = lambda: None,
) -> BaselineResult:
    """Measure the idle power, or take it from the cache. It never raises: without a reading the result has a reason.

    Args:
        config: whether, when and how long.
        meter: the energy meter.
        clock: the clock of the measurement.
        wait: waits for a number of seconds.
        cache: idle power of this session.
        model: identity of the loaded model; part of the cache key when measured after loading.
        watch: returns what the sampler recorded between two times.
        begin: called before a fresh measurement, to free device memory.
    """
    if not config.enabled:
        return _unavailable(config, "baseline.enabled is false")
    key = (meter.name, config.when, f"{config.duration_seconds:g}", *meter.devices)
    if config.when == "after_load":
        key = (*key, model)
    cached = cache.get(key, clock.now())
    if cached is not None:
        return cached
    begin()
    baseline = _measure(config, meter, clock, wait, watch)
    if baseline.power_w is not None:
        cache.put(key, clock.now(), baseline)
    return baseline


def _measure(config: BaselineConfig, meter: EnergyBackend, clock: Clock, wait: Wait, watch: Watch) -> BaselineResult:
    timestamp: datetime = clock.utc_now()
    try:
        measurement = meter.open_window()
        try:
            start_s = clock.now()
            wait(config.duration_seconds)
            end_s = clock.now()
            reading = check_reading(measurement.close(start_s, end_s), meter.name)
        finally:
            measurement.abandon()
    except MeterError as error:
        return _unavailable(config, f"the meter failed: {error}")
    if reading.energy_j is None:
        return _unavailable(config, reading.reason or "the meter gave no reading")
    return BaselineResult(
        power_w=reading.energy_j / (end_s - start_s),
        method=reading.method,
        provenance="fresh",
        timestamp=timestamp.isoformat(timespec="seconds"),
        age_sec=0.0,
        duration_sec=end_s - start_s,
        when=config.when,
        problems=(*reading.problems, *not_idle(watch(start_s, end_s))),
    )


def not_idle(trace: Trace | None) -> Iterator[str]:
    """Reasons why the devices were not idle during the baseline: foreign processes, or power that changed."""
    if trace is None:
        return
    if trace.foreign_processes:
        yield f"other processes were on the GPU while it should be idle: {', '.join(trace.foreign_processes)}; stop them"
    for index, first_w, last_w in _halves(trace.timeseries):
        if abs(last_w - first_w) > max(SETTLED_W, SETTLED_SHARE * first_w):
            yield (
                f"power of GPU {index} had not settled: {first_w:.3g} W in the first half of the idle time, "
                f"{last_w:.3g} W in the second; raise baseline.duration_seconds, or let the GPU cool down first"
            )


def _halves(series: TimeSeries | None) -> Iterator[tuple[int, float, float]]:
    """Per GPU, its mean power in W in the first and in the second half; a GPU with fewer than two rows is left out."""
    for index in sorted(set(series.gpu_index)) if series is not None else ():
        rows = zip(series.gpu_index, series.power_w) if series is not None else ()
        powers = [power_w for gpu, power_w in rows if gpu == index and power_w is not None]
        half = len(powers) // 2
        if half:
            yield index, fmean(powers[:half]), fmean(powers[-half:])


def _unavailable(config: BaselineConfig, reason: str) -> BaselineResult:
    return BaselineResult(provenance="unavailable", when=config.when, reason=reason)
