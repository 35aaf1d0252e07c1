"""The verdict on one experiment and on each of its metrics, and which verdicts fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# From the worst to the best: the verdict on an experiment is that of its worst metric.
MEANING = {
    "regression": "worse than the baseline by more than the limit: significant, and confirmed by a second look if one is possible",
    "over-budget": "beyond an absolute limit, by more than the variation of its repeats",
    "work-changed": "prompts or tokens differ from the baseline's: the energies belong to different work",
    "inconclusive": "too much noise for an answer; the report shows the smallest detectable change and what would help",
    "not-measured": "the metric was not measured here, or only estimated; the test is skipped when it has no other limit",
    "not-comparable": "the baseline is of other hardware, the energy methods differ, or the machine shifted",
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
    """The verdict on one metric.

    Attributes:
        metric: its name.
        unit: of the values.
        limit: the limit as text.
        kind: one of `KINDS`.
        reason: a sentence; empty when the numbers need none.
        baseline: geometric mean of the baseline; None without one.
        now: mean of this run; None when not measured.
        ratio, ratio_low, ratio_high: current over baseline and its one-sided 95 % bounds; None without a comparison.
        p_value: probability of such a change if nothing had changed; None without a comparison.
        minimum_detectable_ratio: the change that is detected with a probability of 80 %; None without a comparison.
        samples: kept repeats of this run.
        baseline_samples: samples of the baseline, by session.
        sessions: number of baseline sessions.
        suspected: whether a second look should decide.
        old: value with the configuration before it changed; shown, and not compared; None without one.
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
    suspected: bool = False
    old: float | None = None

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
        """`0.0166 -> 0.0199 J/token`; without a baseline only the value of now."""
        if self.now is None:
            return "not measured"
        before = "" if self.baseline is None else f"{self.baseline:.4g} -> "
        old = "" if self.old is None else f" (old configuration: {self.old:.4g})"
        return f"{before}{self.now:.4g} {self.unit}{old}"


@dataclass(frozen=True)
class Verdict:
    """The verdict on one experiment.

    Attributes:
        judgements: one per limit.
        baseline: path of the baseline file; None without one.
        commit: of the baseline's newest session; None when unknown.
        notes: further remarks for the reader.
        remeasured: the outcome of the second look; None when there was none.
        reason: why there is no baseline to compare with; empty when there is one.
        situation: whether there is a baseline to compare with: found, new, stale, not-comparable or work-changed.
    """

    judgements: tuple[Judgement, ...] = ()
    baseline: str | None = None
    commit: str | None = None
    notes: tuple[str, ...] = ()
    remeasured: str | None = None
    reason: str = ""
    situation: str = "found"

    @property
    def kind(self) -> str:
        """The worst of its judgements; `ok` without one."""
        return min((each.kind for each in self.judgements), key=KINDS.index, default="ok")

    @property
    def worst(self) -> Judgement | None:
        """The worst judgement; it names the verdict."""
        return min(self.judgements, key=lambda each: KINDS.index(each.kind), default=None)

    @property
    def unmeasured(self) -> bool:
        """Whether it has limits, and no metric of them was measured."""
        return bool(self.judgements) and all(each.kind == "not-measured" for each in self.judgements)

    @property
    def others(self) -> list[Judgement]:
        """The judgements beside the worst one."""
        return [each for each in self.judgements if each is not self.worst]

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
