"""Tests the sensors of a real NVIDIA GPU: `python -m benchmarks.gpu_sensor --json FILE`, about four minutes.

Polls the energy counter (field 83), the 1 s average (185) and instant power (186) every 2 ms under a known load. It
compares the counter with the integral of power, the repeats of one kernel with each other, and a decode loop with the meter with
the same loop without it. The results check the default values of the meter.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.gpu_load import DecodeLoop, GpuLoad, Load, Work
from llenergymeasure.core.devices import MeterContext, driver_version, gpu_infos, open_devices
from llenergymeasure.core.energy.nvml import NvmlMeter
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.nvml.gpu import PowerReading
from llenergymeasure.core.sampling.power_integral import integral
from llenergymeasure.core.sampling.sampler import GpuSampler

POLL_S = 0.002
SHORT_WINDOWS_S = (0.1, 0.3, 1.0, 3.0)


@dataclass(frozen=True)
class Sample:
    """One poll: its time, the duration of the call, and the values."""

    time_s: float
    call_s: float
    reading: PowerReading


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything and write one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, required=True, help="where the report goes")
    parser.add_argument("--scale", type=float, default=1.0, help="1 = the full length; smaller for a quick look")
    options = parser.parse_args(arguments)
    with open_devices(SystemClock(), {}, how_many=1) as context:
        if context.door is None:
            print(f"no GPU to test: {context.no_gpu_reason}")
            return 1
        report = run(context, GpuLoad(), DecodeLoop(), options.scale)
    options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(table(report))
    return 0


def run(context: MeterContext, load: Load, decoding: Work, scale: float = 1.0) -> dict[str, Any]:
    """Every experiment on the first GPU of the context.

    Args:
        context: the GPU.
        load: keeps the GPU busy.
        decoding: a real decode loop.
        scale: of all durations.
    """
    phases = {
        "idle, load, idle": [(4 * scale, False), (6 * scale, True), (6 * scale, False)],
        "square wave of 100 ms": [(0.05, index % 2 == 0) for index in range(int(120 * scale))],
        "square wave of 150 ms": [(0.075, index % 2 == 0) for index in range(int(80 * scale))],
    }
    return {
        "machine": machine(context),
        "waveforms": {name: describe(poll_while(context, load, steps)) for name, steps in phases.items()},
        "short_windows": [short_window(context, load, seconds * scale) for seconds in SHORT_WINDOWS_S],
        "meter_overhead": overhead(context, decoding, 3 * scale),
    }


def machine(context: MeterContext) -> dict[str, Any]:
    """The machine of the measurement."""
    return {
        "date_utc": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "gpus": [info.model_dump(mode="json") for info in gpu_infos(context)][:1],
        "driver": driver_version(context),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in ("llenergymeasure", "nvidia-ml-py")},
    }


def poll_while(context: MeterContext, load: Load, steps: Sequence[tuple[float, bool]]) -> list[Sample]:
    """Poll every 2 ms through steps of (seconds, busy)."""
    assert context.door is not None
    gpu, clock, samples = context.gpus[0], context.clock, []
    for seconds, busy in steps:
        end_s = clock.now() + seconds
        load.switch(busy)
        while clock.now() < end_s:
            before_s = clock.now()
            reading = context.door.power(gpu)
            after_s = clock.now()
            samples.append(Sample((before_s + after_s) / 2, after_s - before_s, reading))
            clock.sleep(max(POLL_S - (after_s - before_s), 0.0))
    load.switch(False)
    return samples


def describe(samples: Sequence[Sample]) -> dict[str, Any]:
    """Tick periods of each sensor, latency of the call, and the counter against the integral of instant power."""
    points = {
        name: [(one.time_s, value) for one in samples if (value := getattr(one.reading, name)) is not None]
        for name in ("energy_j", "average_w", "instant_w")
    }
    calls_ms = sorted(1000 * one.call_s for one in samples)
    counter, instant = points["energy_j"], points["instant_w"]
    return {
        "n_samples": len(samples),
        "call_ms": {"p50": at(calls_ms, 0.5), "p95": at(calls_ms, 0.95), "max": calls_ms[-1]},
        "tick_ms": {name: ticks(found) for name, found in points.items()},
        "counter_j": counter[-1][1] - counter[0][1] if counter else None,
        "integral_of_instant_j": integral(instant, instant[0][0], instant[-1][0]) if instant else None,
        "power_w": {name: spread([w for _, w in points[name]]) for name in ("average_w", "instant_w")},
    }


def ticks(points: Sequence[tuple[float, float]]) -> dict[str, float] | None:
    """Times between changes of a reading in ms; None with fewer than two changes."""
    times = [after for (after, value), (_, earlier) in zip(points[1:], points) if value != earlier]
    gaps = sorted(1000 * (b - a) for a, b in zip(times, times[1:]))
    return {"count": len(gaps), "p5": at(gaps, 0.05), "p50": at(gaps, 0.5), "p95": at(gaps, 0.95)} if gaps else None


def spread(values: Sequence[float]) -> dict[str, float] | None:
    return {"min": min(values), "mean": statistics.fmean(values), "max": max(values)} if values else None


def at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def metered(context: MeterContext, work: Callable[[], None], repeats: int) -> list[dict[str, Any]]:
    """The meter's reading of each repeat of some work."""
    assert context.door is not None
    sampler = GpuSampler(context.door, context.gpus[:1], context.clock)
    meter = NvmlMeter(context.door, context.gpus[:1], sampler, context.clock)
    sampler.start()
    try:
        context.clock.sleep(1.5)  # a second of idle for the sensors that average
        return [one_window(context, meter, work) for _ in range(repeats)]
    finally:
        sampler.stop()


def one_window(context: MeterContext, meter: NvmlMeter, work: Callable[[], None]) -> dict[str, Any]:
    window = meter.open_window()
    start_s = context.clock.now()
    work()
    end_s = context.clock.now()
    reading = window.close(start_s, end_s)
    context.clock.sleep(1.2)
    return {"seconds": end_s - start_s, **reading.model_dump(mode="json", exclude={"domains", "reason"})}


def short_window(context: MeterContext, load: Load, seconds: float, repeats: int = 12) -> dict[str, Any]:
    """Repeats of the same work: their variation comes from the meter and the temperature of the GPU."""
    load.warm_up()
    rounds = load.rounds_for(seconds)
    windows = metered(context, lambda: load.rounds(rounds), repeats)
    joules = [window["energy_j"] for window in windows if window["energy_j"] is not None]
    relative = [window["uncertainty_parts_j"].get("edges", 0.0) / window["energy_j"] for window in windows if joules]
    return {
        "asked_s": seconds,
        "method": windows[0]["method"],
        "cv_of_energy": statistics.stdev(joules) / statistics.fmean(joules) if len(joules) > 1 else None,
        "stated_edges_relative": statistics.fmean(relative) if relative else None,
        "windows": windows,
    }


def overhead(context: MeterContext, load: Work, seconds: float, pairs: int = 7) -> dict[str, Any]:
    """The same work alternately with and without a sampler: the ratio of times is the cost of sampling."""
    assert context.door is not None
    rounds, ratios, shares = load.rounds_for(seconds), [], []
    for _ in range(pairs):
        bare_s = timed(lambda: load.rounds(rounds))
        sampler = GpuSampler(context.door, context.gpus[:1], context.clock)
        sampler.start()
        start_s = context.clock.now()
        watched_s = timed(lambda: load.rounds(rounds))
        trace = sampler.trace(start_s, context.clock.now())
        sampler.stop()
        ratios.append(bare_s / watched_s)
        if trace is not None:
            shares.append(sampler.cpu_seconds() / watched_s)
    return {
        "speed_with_sampler_over_bare": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
        "sampler_cpu_share": statistics.median(shares) if shares else None,
    }


def timed(work: Callable[[], None]) -> float:
    start_s = time.perf_counter()
    work()
    return time.perf_counter() - start_s


def table(report: dict[str, Any]) -> str:
    """The report in a few lines."""
    gpu = report["machine"]["gpus"][0]["name"]
    lines = [f"{gpu}, driver {report['machine']['driver']}, {report['machine']['date_utc']}"]
    for name, found in report["waveforms"].items():
        counter, whole = found["counter_j"], found["integral_of_instant_j"]
        gap = f"{100 * (whole / counter - 1):+.2f} %" if counter and whole else "not available"
        tick = found["tick_ms"]["energy_j"] or found["tick_ms"]["instant_w"]
        period = f"{tick['p50']:.1f} ms" if tick else "no tick"
        lines.append(f"{name:<26} tick {period:<10} call {found['call_ms']['p50']:.3f} ms   integral - counter {gap}")
    for found in report["short_windows"]:
        cv = math.nan if found["cv_of_energy"] is None else 100 * found["cv_of_energy"]
        lines.append(f"window of {found['asked_s']:.1f} s: CV of repeats {cv:.2f} %, by {found['method']}")
    cost = report["meter_overhead"]
    lines.append(f"speed with the sampler over without: {cost['speed_with_sampler_over_bare']['median']:.4f}")
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
