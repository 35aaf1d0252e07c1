"""A verdict on one experiment, metric by metric, and which verdicts fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

# From the worst to the best: an experiment is called after its worst metric.
MEANING = {
    "regression": "worse than the baseline by more than the limit, beyond what noise explains, twice",
    "over-budget": "beyond an absolute limit, by more than its repeats scatter",
    "work-changed": "other prompts or tokens than the baseline's: energies are of different work",
    "inconclusive": "the noise hides the answer; shown with the change that could be seen, and what would help",
    "not-measured": "the metric could not be measured here, or only estimated; the test is skipped when it has no other gate",
    "not-comparable": "only a baseline of other hardware, other energy methods, or the machine shifted",
    "stale": "the configuration changed since the baseline",
    "new": "no baseline yet",
    "improved": "better than the baseline by more than the limit",
    "ok": "within the limit",
}
KINDS = ("error", *MEANING)
FAILING = frozenset({"regression", "over-budget", "work-changed"})
STRICT = frozenset({"not-measured", "not-comparable", "stale", "new"})


@dataclass(frozen=True)
class Judgement:
    """What was found on one metric.

    Attributes:
        metric: its name.
        unit: of the values.
        limit: as a person reads it.
        kind: one of `KINDS`.
        reason: a sentence; empty when the numbers say it all.
        baseline: geometric mean of the baseline; None without one.
        now: mean of this run; None when not measured.
        ratio, ratio_low, ratio_high: current over baseline and its one-sided 95 % bounds; None without a comparison.
        p_value: chance of such a change if nothing had changed; None without a comparison.
        minimum_detectable_ratio: what would be caught 4 times in 5; None without a comparison.
        samples: kept repeats of this run.
        baseline_samples: by session.
        sessions: baseline sessions that were used.
    """

    metric: str
    unit: str
    limit: str
    kind: str
    reason: str = ""
    baseline: float | None = None
    now: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    p_value: float | None = None
    minimum_detectable_ratio: float | None = None
    samples: Sequence[float] = ()
    baseline_samples: Sequence[Sequence[float]] = ()
    sessions: int = 0

    @property
    def change(self) -> str:
        """`+12% (+10% to +14%)`; empty without a comparison."""
        if self.ratio is None:
            return ""
        text = percent(self.ratio)
        if self.ratio_low is None or self.ratio_high is None:
            return text
        return f"{text} ({percent(self.ratio_low)} to {percent(self.ratio_high)})"

    @property
    def numbers(self) -> str:
        """`0.0166 -> 0.0199 J/token`, or what is known of it."""
        if self.now is None:
            return "not measured"
        before = "" if self.baseline is None else f"{self.baseline:.4g} -> "
        return f"{before}{self.now:.4g} {self.unit}"


@dataclass(frozen=True)
class Verdict:
    """What was found on one experiment.

    Attributes:
        judgements: one per limit.
        baseline: where the baseline is; None without one.
        commit: of the baseline's newest session; None when unknown.
        notes: what a reader should know besides.
        remeasured: what became of a second look; None when there was no reason for one.
        situation: what there is to compare with: found, new, stale, not-comparable or work-changed.
    """

    judgements: tuple[Judgement, ...] = ()
    baseline: str | None = None
    commit: str | None = None
    notes: tuple[str, ...] = ()
    remeasured: str | None = None
    reason: str = ""
    situation: str = "found"
    work: dict[str, object] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The worst of its judgements; `ok` without one."""
        return min((each.kind for each in self.judgements), key=KINDS.index, default="ok")

    @property
    def worst(self) -> Judgement | None:
        """The judgement that the verdict is called after."""
        return min(self.judgements, key=lambda each: KINDS.index(each.kind), default=None)

    def failures(self, strict: bool, inconclusive: str) -> list[Judgement]:
        """The judgements that fail a test."""
        return [each for each in self.judgements if fails(each.kind, strict, inconclusive)]


def fails(kind: str, strict: bool, inconclusive: str) -> bool:
    """Whether a verdict fails its test."""
    return kind in FAILING or (strict and kind in STRICT) or (kind == "inconclusive" and inconclusive == "fail")


def percent(ratio: float) -> str:
    """A ratio as a change: `+12.3%`."""
    return f"{100 * (ratio - 1):+.3g}%"


_LEVELS = " .:-=+*#%@"


def strip(samples: Sequence[float], low: float, high: float) -> str:
    """Samples as one character each, from ` ` at `low` to `@` at `high`."""
    span = high - low
    if span <= 0:
        return "=" * len(samples)
    last = len(_LEVELS) - 1
    return "".join(_LEVELS[1 + min(max(round((value - low) / span * (last - 1)), 0), last - 1)] for value in samples)


def strips(judgement: Judgement) -> str:
    """Baseline sessions and this run on one scale: `[.:.:. .:..:] [@%@@%]`."""
    before = [value for session in judgement.baseline_samples for value in session]
    every = [*before, *judgement.samples]
    if not every:
        return ""
    low, high = min(every), max(every)
    now = f"[{strip(judgement.samples, low, high)}]"
    if not before:
        return now
    return f"[{' '.join(strip(session, low, high) for session in judgement.baseline_samples)}] {now}"
