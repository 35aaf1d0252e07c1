"""What the reader of a verdict can do next, in a sentence or two with its numbers."""

from __future__ import annotations

from llenergymeasure.stats.evidence import Evidence
from llenergymeasure.stats.variance import SESSIONS_TO_MEASURE

# Help that moves the detectable change by less than this share of it is not worth a line.
_WORTH_SAYING = 0.05


def advice_on(evidence: Evidence) -> str:
    """Advice on a verdict; empty when nothing is needed."""
    verdict = evidence.verdict
    if verdict == "improved":
        return "keep the gain: measure a new baseline with --llem-update-baseline=replace"
    if verdict == "inconclusive":
        return f"{_what_is_open(evidence)}. {_what_would_help(evidence)}"
    return ""


def _what_is_open(evidence: Evidence) -> str:
    best, worst = evidence.worse - evidence.reach, evidence.worse + evidence.reach
    if best <= evidence.threshold:
        low, high = (best, worst) if evidence.higher_is_worse else (worst, best)
        limit = evidence.percent(evidence.threshold)
        return f"the change is between {evidence.percent(low)} and {evidence.percent(high)}, and the limit is {limit}"
    chance = evidence.chance_of(evidence.worse)
    return f"the change is {evidence.percent(evidence.worse)}, but p is {chance:.2g}, not below {evidence.alpha:g}"


def _what_would_help(evidence: Evidence) -> str:
    now = evidence.detectable
    sessions, repeats = len(evidence.sizes), evidence.repeats
    text = f"4 times in 5 it would catch {evidence.percent(now)}"
    wider = {
        f"{SESSIONS_TO_MEASURE} baseline sessions (now {sessions})": (max(SESSIONS_TO_MEASURE, sessions), repeats),
        f"{2 * repeats} repeats (now {repeats})": (sessions, 2 * repeats),
    }
    found = {name: evidence.with_more(*size).detectable for name, size in wider.items()}
    helpful = [f"{evidence.percent(x)} with {name}" for name, x in found.items() if x < now * (1 - _WORTH_SAYING)]
    return f"{text}; {', or '.join(helpful)}" if helpful else text
