"""The table of all metrics of a result: name, unit, location in a result, and use.

The summary, the comparison of a study and the report take title and format from this table, the pytest plugin takes the
metrics that can be gated, and the aggregation of ranks takes the rule for combining values. Only the standard library is
imported, because the plugin reads this table while pytest starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from llenergymeasure._format import number, operations

# How the values of ranks are combined:
# sum      the sum; None when one rank has none
# same     the value of rank 0, which is equal on every rank
# span     from the first start to the last end
# pooled   percentiles of the samples of all ranks together
# derived  computed from combined values
Ranks = Literal["sum", "same", "span", "pooled", "derived"]

OPERATIONS, MILLISECONDS = "FLOP", "ms"
# Of fewer samples, the 99th percentile lies between the two largest.
LEAST_FOR_P99 = 100


@dataclass(frozen=True)
class Metric:
    """One number of a result.

    Attributes:
        name: its name in configurations, results and CSV.
        title: its name in text for people.
        unit: its unit as plain text, for messages and absolute limits.
        ranks: how the values of several ranks are combined.
        path: attributes from a result to the number; the name when empty.
        better: the direction of improvement.
        gated: whether a limit may be set on it.
        counted: whether it is counted and not measured: equal work gives equal numbers, so it has no noise floor.
        joules: whether it needs an energy meter.
        total: whether it is a total of the window, and grows with the number of passes over the prompts.
    """

    name: str
    title: str
    unit: str
    ranks: Ranks
    path: tuple[str, ...] = ()
    better: Literal["lower", "higher"] = "lower"
    gated: bool = True
    counted: bool = False
    joules: bool = False
    total: bool = False

    @property
    def higher_is_worse(self) -> bool:
        """Whether a higher value is worse."""
        return self.better == "lower"

    @property
    def is_high_percentile(self) -> bool:
        """Whether it is a percentile of which few requests carry no information."""
        return self.path[:1] == ("latency",) and not self.gated

    def read(self, result: object) -> float | None:
        """Its value in a result; None when that was not measured."""
        value: object = result
        for attribute in self.path or (self.name,):
            value = None if value is None else getattr(value, attribute)
        return None if value is None else float(value)  # type: ignore[arg-type]

    def per_pass(self, value: float | None, n_passes: int) -> float | None:
        """A value of it; of a total, per pass over the prompts, so that windows of more and fewer passes compare."""
        return value / n_passes if value is not None and self.total else value

    def text(self, result: object, figures: int = 3) -> str:
        """Its value in a result with its unit, or `not measured`."""
        value = self.read(result)
        if self.unit == OPERATIONS:
            return operations(value)
        if self.counted and value is not None:
            return f"{value:.0f} {self.unit}"
        return number(value, self.unit, figures)


# Titles of the distributions of `LatencyResult`, and of the percentiles that are metrics.
LATENCIES = {
    "request": "request latency",
    "ttft": "time to first token",
    "itl": "inter-token latency",
    "queue": "time in the queue",
}
_PERCENTILES = {"p50": "median", "p90": "p90", "p95": "p95", "p99": "p99"}
# A gate compares means of repeats; these carry no information about high percentiles of few requests.
_GATED_PERCENTILES = frozenset({"p50", "p95"})


def _latencies() -> Iterator[Metric]:
    for name, title in LATENCIES.items():
        for point, which in _PERCENTILES.items():
            path, gated = ("latency", name, f"{point}_ms"), point in _GATED_PERCENTILES
            yield Metric(f"{name}_{point}_ms", f"{title}, {which}", MILLISECONDS, "pooled", path, gated=gated)


_ALL = (
    Metric("energy_per_output_token", "energy per output token", "J/token", "derived", joules=True),
    Metric("energy_total_j", "energy", "J", "sum", ("energy", "energy_j"), joules=True, total=True),
    # Not gated: for equal work it is redundant with energy_total_j.
    Metric("energy_per_request", "energy per request", "J/request", "derived", gated=False, joules=True),
    # Not gated: few requests more or less that keep the limits change it by much.
    Metric("energy_per_good_request", "energy per good request", "J/request", "derived", gated=False, joules=True),
    # Not gated: it may be negative, and a relative change of it has no meaning.
    Metric("energy_adjusted_j", "energy above idle", "J", "derived", gated=False, joules=True, total=True),
    # Not gated: other processes on the host change them.
    Metric("host_energy_j", "energy of the host's CPUs", "J", "derived", gated=False, joules=True, total=True),
    Metric("energy_with_host_j", "energy with the host", "J", "derived", gated=False, joules=True, total=True),
    Metric("tokens_per_second", "throughput", "tokens/s", "derived", better="higher"),
    Metric("requests_per_second", "requests per second", "requests/s", "derived", better="higher", gated=False),
    Metric("goodput", "goodput", "requests/s", "derived", better="higher", gated=False),
    Metric("duration_sec", "window", "s", "span", total=True),
    Metric("cpu_seconds", "CPU time", "s", "sum", ("host", "cpu_seconds"), total=True),
    Metric("peak_memory_mb", "peak memory", "MB", "sum", ("memory", "peak_memory_mb")),
    # Not gated: they follow from the configuration.
    Metric("model_memory_mb", "memory of the model", "MB", "same", ("model_info", "memory_mb"), gated=False),
    Metric("n_prompts", "prompts", "prompts", "sum", ("tokens", "n_prompts"), gated=False, counted=True, total=True),
    Metric(
        "input_tokens",
        "input tokens",
        "tokens",
        "sum",
        ("tokens", "input_tokens"),
        gated=False,
        counted=True,
        total=True,
    ),
    Metric("output_tokens", "output tokens", "tokens", "sum", ("tokens", "output_tokens"), counted=True, total=True),
    Metric("flops_total", "FLOPs", OPERATIONS, "sum", ("flops", "value"), counted=True, total=True),
    Metric(
        "flops_exact",
        "FLOPs from the architecture",
        OPERATIONS,
        "sum",
        ("flops_architecture", "value"),
        counted=True,
        total=True,
    ),
    *_latencies(),
)

METRICS: Mapping[str, Metric] = {metric.name: metric for metric in _ALL}
GATED: Mapping[str, Metric] = {metric.name: metric for metric in _ALL if metric.gated}
