"""Words for a ratio of a metric: `32 needs 6.1 times less energy per output token than 1 (95 % interval 5.8 to 6.4)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llenergymeasure._format import number
from llenergymeasure.domain.metrics import METRICS, Metric
from llenergymeasure.domain.study.effects import LARGEST_USEFUL, Ratio
from llenergymeasure.domain.study.names import listed

# Cycles that a study needs for useful intervals; the default.
USUAL_CYCLES = 3
# Ratios below this are given in percent.
_IN_PERCENT = 1.2
_MOST_FIGURES = 5
# A difference alone is given as a factor from here.
_FACTOR = 2.0


@dataclass(frozen=True)
class Phrase:
    """How a difference of a metric is said.

    Attributes:
        verb: before the amount.
        quantity: what is less or more.
        countable: whether more of it is `as many`.
    """

    verb: str
    quantity: str
    countable: bool = False


_PHRASES = {
    "energy_per_output_token": Phrase("needs", "energy per output token"),
    "energy_per_request": Phrase("needs", "energy per request"),
    "energy_total_j": Phrase("needs", "energy"),
    "tokens_per_second": Phrase("gives", "tokens per second", countable=True),
    "cpu_seconds": Phrase("needs", "CPU time"),
    "duration_sec": Phrase("needs", "time"),
    "peak_memory_mb": Phrase("needs", "peak memory"),
}


def comparison(metric: str, better: str, worse: str, advantage: Ratio, interval: str = "95 % interval ") -> str:
    """A level against another.

    Args:
        metric: name of the metric.
        better: the level with the better mean.
        worse: the other level.
        advantage: the larger mean over the smaller; below 1 where the level called better is worse.
        interval: what stands before the ends of the interval.
    """
    advantage, less = _turned(advantage, METRICS[metric].better == "lower")
    said = _PHRASES.get(metric)
    size, interval_text = _size(advantage, less), ends(advantage, less, interval)
    if said is None:
        direction = "lower" if less else "higher"
        return f"{better} has a {size} {direction} {METRICS[metric].title} than {worse}{interval_text}"
    if said.countable and not less and advantage.value >= _IN_PERCENT:
        return f"{better} {said.verb} {size} as many {said.quantity} as {worse}{interval_text}"
    return f"{better} {said.verb} {size} {_direction(less, said)} {said.quantity} than {worse}{interval_text}"


def amount(metric: str, advantage: Ratio) -> str:
    """The size of a difference with its interval: `1.3 times (1.2 to 1.4)`."""
    turned, less = _turned(advantage, METRICS[metric].better == "lower")
    return f"{_size(turned, less)}{ends(turned, less)}"


def difference(ratio: float) -> str:
    """The size of a difference alone: `2.1 %`, or `a factor of 2.3`."""
    return f"a factor of {_figures(ratio, 2)}" if ratio >= _FACTOR else f"{_figures(100 * (ratio - 1), 2)} %"


def could_be_found(ratio: float) -> str:
    """Which difference the study would have shown."""
    if ratio > LARGEST_USEFUL:
        return f"even a factor of {LARGEST_USEFUL:g} could have been missed, so more cycles are needed"
    return f"a difference above {difference(ratio)} would have been found with probability 0.8"


def ends(advantage: Ratio, less: bool, before: str = "") -> str:
    """The interval in brackets; nothing without one."""
    if advantage.low is None or advantage.high is None:
        return ""
    if advantage.value < _IN_PERCENT:
        low, high = _distinct([_percent(advantage.low, less), _percent(advantage.high, less)])
        return f" ({before}{low} to {high} %)"
    low, high = _distinct([advantage.low, advantage.high])
    return f" ({before}{low} to {high})"


def limits_text(limits: Mapping[str, float]) -> str:
    """Limits of metrics: `time to first token, p99 of at most 500 ms`."""
    return listed([_limit(METRICS[name], value) for name, value in limits.items()])


def _limit(metric: Metric, value: float) -> str:
    return f"{metric.title} of at {'most' if metric.better == 'lower' else 'least'} {number(value, metric.unit, 4)}"


def inverse(ratio: Ratio) -> Ratio:
    """The ratio the other way round."""
    low, high = (end and 1 / end for end in (ratio.high, ratio.low))
    return Ratio(value=1 / ratio.value, low=low, high=high)


def _turned(advantage: Ratio, less: bool) -> tuple[Ratio, bool]:
    """The ratio above 1, and whether the first of both has less."""
    if advantage.value >= 1:
        return advantage, less
    return inverse(advantage), not less


def _size(advantage: Ratio, less: bool) -> str:
    if advantage.value < _IN_PERCENT:
        return f"{_figures(_percent(advantage.value, less), 2)} %"
    return f"{_figures(advantage.value, 2)} times"


def _percent(advantage: float, less: bool) -> float:
    """The difference in percent: of the larger value for less, of the smaller for more."""
    return 100 * (1 - 1 / advantage) if less else 100 * (advantage - 1)


def _direction(less: bool, said: Phrase) -> str:
    return ("fewer" if said.countable else "less") if less else "more"


def _distinct(values: Sequence[float]) -> list[str]:
    """The values with as few figures as make them differ, at least two."""
    texts: list[str] = []
    for figures in range(2, _MOST_FIGURES + 1):
        texts = [_figures(value, figures) for value in values]
        if len(set(texts)) == len(texts):
            break
    return texts


def _figures(value: float, figures: int) -> str:
    """A number with all of its significant figures: 3.0 and not 3."""
    text = f"{value:#.{figures}g}"
    return f"{value:.0f}" if "e" in text or text.endswith(".") else text
