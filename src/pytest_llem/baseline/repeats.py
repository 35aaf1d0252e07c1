"""Decides which repeats count. A repeat is dropped for a cause, never for its value; at most two are measured again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from llenergymeasure.domain.metrics import GATED
from llenergymeasure.stats.comparison import MIN_REPEATS
from pytest_llem.baseline.entries import Session, Work
from pytest_llem.baseline.fingerprint import Plain
from pytest_llem.limits import JUDGED

MOST_EXTRA = 2
_CAUSES_IN_WARNINGS = {
    "foreign_process": "foreign process on the GPU",
    "sampling_gap": "sampling gap",
    "requests_failed": "requests to the server failed",  # its latencies are those of the answered requests alone
}


@dataclass(frozen=True)
class Repeat:
    """The part of one measured window that verdicts depend on.

    Attributes:
        values: by metric; None where it was not measured.
        work: the computed work.
        duration_s: length of the window.
        energy_method: None when energy was not measured.
        throttled: whether the GPU throttled; False when that was not observed.
        windowed: whether the window is a part of the traffic of a server: its tokens and FLOPs are not counts of equal work.
        troubles: other causes to drop it, as text.
    """

    values: Mapping[str, float | None]
    work: Work
    duration_s: float
    energy_method: str | None = None
    throttled: bool = False
    windowed: bool = False
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Dropped:
    """A repeat that does not count: its index in the order of measuring, and every cause."""

    index: int
    causes: tuple[str, ...]


@dataclass(frozen=True)
class Sorted:
    """Repeats that count, and those that were dropped."""

    kept: tuple[Repeat, ...]
    dropped: tuple[Dropped, ...]


def repeat_of(result: Any) -> Repeat:
    """The repeat of an `ExperimentResult`, or of any object with its attributes."""
    throttle = result.thermal_throttle
    codes = {warning.code for warning in result.warnings}
    windowed = result.measurement_methodology == "windowed"
    return Repeat(
        values={
            name: None if windowed and metric.counted else metric.per_pass(metric.read(result), result.n_passes)
            for name, metric in GATED.items()
        },
        work=Work(None, None, None) if windowed else _work(result),
        duration_s=result.duration_sec,
        energy_method=result.energy_method,
        throttled=throttle is not None and throttle.detected,
        windowed=windowed,
        troubles=tuple(text for code, text in _CAUSES_IN_WARNINGS.items() if code in codes),
    )


def _work(result: Any) -> Work:
    """The work of one pass over the prompts: the number of passes depends on the speed of the machine."""
    return Work(
        prompts=result.n_prompts // result.n_passes,
        input_tokens=result.input_tokens // result.n_passes,
        output_tokens=round(result.output_tokens / result.n_passes),
        flops=None if result.flops_total is None else round(result.flops_total / result.n_passes),
    )


def sort_repeats(repeats: Sequence[Repeat], min_window_s: float = 0.0) -> Sorted:
    """Separate the repeats that count from those that do not.

    Args:
        repeats: in the order of measuring.
        min_window_s: a shorter window is dropped.
    """
    usual = _usual_tokens(repeats)
    causes = [_causes(repeat, usual, min_window_s) for repeat in repeats]
    return Sorted(
        kept=tuple(repeat for repeat, found in zip(repeats, causes) if not found),
        dropped=tuple(Dropped(index, found) for index, found in enumerate(causes) if found),
    )


def more_to_measure(repeats: Sequence[Repeat], wanted: int, min_window_s: float = 0.0) -> int:
    """The number of repeats to measure now: the missing ones, and at most two in place of dropped ones."""
    missing = wanted - len(sort_repeats(repeats, min_window_s).kept)
    return max(min(missing, wanted + MOST_EXTRA - len(repeats)), 0)


def _usual_tokens(repeats: Sequence[Repeat]) -> int | None:
    """The most frequent number of output tokens; of equally frequent ones the first."""
    counts = Counter(repeat.work.output_tokens for repeat in repeats)
    return counts.most_common(1)[0][0] if counts else None


def _causes(repeat: Repeat, usual_tokens: int | None, min_window_s: float) -> tuple[str, ...]:
    found = ["throttled"] if repeat.throttled else []
    found += repeat.troubles
    if repeat.duration_s < min_window_s:
        found.append(f"window of {repeat.duration_s:.3g} s, shorter than llem_min_window, {min_window_s:g} s")
    if repeat.work.output_tokens != usual_tokens:
        found.append(f"{repeat.work.output_tokens} output tokens, not {usual_tokens}")
    return tuple(found)


def samples_of(repeats: Sequence[Repeat]) -> dict[str, tuple[float, ...]]:
    """Values by metric, for the metrics that every repeat measured."""
    columns = {name: [repeat.values.get(name) for repeat in repeats] for name in JUDGED}
    return {
        name: tuple(value for value in values if value is not None)
        for name, values in columns.items()
        if values and None not in values
    }


def pooling_refusal(first: Sequence[Repeat], again: Sequence[Repeat]) -> str | None:
    """Why the repeats of a second look cannot be pooled with the first ones; None when they can. Then the first verdict
    stays.
    """
    if len(again) < MIN_REPEATS:
        return f"{len(again)} of its repeats are valid, and {MIN_REPEATS} are needed"
    methods = sorted({str(repeat.energy_method) for repeat in (*first, *again)})
    if len(methods) > 1:
        return f"energy methods differ: {', '.join(methods)}"
    if any(repeat.work.compared != first[0].work.compared for repeat in again):
        return f"its work differs: {again[0].work.output_tokens} output tokens, not {first[0].work.output_tokens}"
    missing = sorted(set(samples_of(first)) - set(samples_of(again)))
    return f"it did not measure {', '.join(missing)}" if missing else None


def session_of(
    repeats: Sequence[Repeat],
    *,
    date: str,
    git_sha: str | None = None,
    git_dirty: bool | None = None,
    soft: Mapping[str, Plain] | None = None,
) -> Session:
    """The session that a baseline stores of the kept repeats.

    Args:
        repeats: those that count. Joules of different energy methods are left out: their mean has no meaning.
        date: UTC, ISO 8601.
        git_sha, git_dirty: of the tested project.
        soft: the soft identity of the machine.
    """
    methods = {repeat.energy_method for repeat in repeats}
    method = methods.pop() if len(methods) == 1 else None
    samples = samples_of(repeats)
    kept = {name: values for name, values in samples.items() if method is not None or not JUDGED[name].joules}
    return Session(date, git_sha, git_dirty, method, dict(soft or {}), kept)


@dataclass(frozen=True)
class Refusal:
    """Why a metric is not judged.

    Attributes:
        kind: the resulting verdict.
        text: the reason.
    """

    kind: Literal["not-measured", "not-comparable"]
    text: str


def joule_gate_refusal(repeats: Sequence[Repeat], methods_before: Sequence[str | None] = ()) -> Refusal | None:
    """Why joules cannot be judged; None when they can.

    Args:
        repeats: those that count.
        methods_before: energy methods of the baseline's sessions; none for an absolute limit.
    """
    methods = {repeat.energy_method for repeat in repeats}
    if not repeats or None in methods:
        return Refusal("not-measured", "energy not measured here")
    every = methods | set(methods_before)
    if "estimated" in every:
        return Refusal("not-measured", "energy is estimated, not measured")
    if len(every) > 1:
        return Refusal("not-comparable", f"energy methods differ: {', '.join(sorted(map(str, every)))}")
    if any(repeat.throttled for repeat in repeats):
        return Refusal("not-measured", "a repeat was throttled")
    return None
