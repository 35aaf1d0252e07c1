"""What can be gated: each metric's unit, which direction is worse, and where a result keeps it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True)
class Metric:
    """One number of a result.

    Attributes:
        name: as users write it.
        unit: plain text, for messages and absolute limits.
        higher_is_worse: False for what should be large.
        counted: whether it is counted, not sensed: equal work gives equal numbers, so it has no noise floor.
        joules: whether it needs an energy meter.
        path: attributes to follow from a result; the name when empty.
    """

    name: str
    unit: str
    higher_is_worse: bool = True
    counted: bool = False
    joules: bool = False
    path: tuple[str, ...] = ()

    def read(self, result: object) -> float | None:
        """Its value in a result; None when that was not measured."""
        value: object = result
        for attribute in self.path or (self.name,):
            value = None if value is None else getattr(value, attribute)
        return None if value is None else float(value)  # type: ignore[arg-type]


def _latency(name: str) -> Iterable[Metric]:
    return (Metric(f"{name}_{point}_ms", "ms", path=("latency", name, f"{point}_ms")) for point in ("p50", "p95"))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("energy_per_output_token", "J/token", joules=True),
        Metric("energy_total_j", "J", joules=True),
        Metric("tokens_per_second", "tokens/s", higher_is_worse=False),
        Metric("duration_sec", "s"),
        Metric("cpu_seconds", "s"),
        Metric("peak_memory_mb", "MB"),
        Metric("output_tokens", "tokens", counted=True),
        Metric("flops_total", "FLOP", counted=True),
        Metric("flops_exact", "FLOP", counted=True),
        *_latency("request"),
        *_latency("ttft"),
        *_latency("itl"),
    )
}


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean ...?` for a word that is nearly one of the known; empty when none is near."""
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
