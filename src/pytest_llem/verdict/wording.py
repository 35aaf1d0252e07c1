"""A verdict as text: the message of a failed test, and one line for the terminal. Plain ASCII."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pytest_llem.verdict.verdict import Judgement, Verdict, strips

_HEADS = {
    "regression": "regression", "over-budget": "over budget", "work-changed": "workload changed",
    "not-measured": "not measured", "not-comparable": "not comparable", "stale": "stale baseline", "new": "no baseline",
    "inconclusive": "inconclusive",
}  # fmt: skip


def failure_message(verdict: Verdict, failed: Sequence[Judgement]) -> str:
    """The message of a failed test."""
    return "\n".join([*(line for each in failed for line in _about(each)), *_around(verdict)])


def _about(judgement: Judgement) -> Iterator[str]:
    head = _HEADS.get(judgement.kind, judgement.kind)
    if judgement.kind == "work-changed":
        yield judgement.reason
        return
    numbers = f"{judgement.metric} {judgement.numbers}"
    change = f", {judgement.change}" if judgement.change else ""
    p_value = "" if judgement.p_value is None else f", p {judgement.p_value:.2g}"
    yield f"{head}: {numbers}{change}{p_value}; limit {judgement.limit}"
    if judgement.reason:
        yield f"  {judgement.reason}"
    if judgement.samples:
        yield f"  samples {strips(judgement)}"


def _around(verdict: Verdict) -> Iterator[str]:
    if verdict.baseline is not None:
        commit = "" if verdict.commit is None else f", newest session at commit {verdict.commit[:10]}"
        yield f"  baseline {verdict.baseline}{commit}"
    if verdict.remeasured:
        yield f"  {verdict.remeasured}"
    yield from (f"  {note}" for note in verdict.notes)


def lines(test: str, verdict: Verdict) -> Iterator[str]:
    """The lines of the terminal section about the metrics of one experiment: the worst one with the name of the test first."""
    worst = verdict.worst
    if worst is None:
        yield f"{verdict.kind:<14} {test}"
        return
    yield f"{_metric(worst)}  {test}"
    if worst.reason:
        yield f"    {worst.reason}"
    for each in verdict.others:
        yield _metric(each)
        if each.reason not in ("", worst.reason):
            yield f"    {each.reason}"


def _metric(judgement: Judgement) -> str:
    parts = [f"{judgement.kind:<14}", judgement.metric, judgement.numbers, judgement.change, strips(judgement)]
    return "  ".join(part for part in parts if part)
