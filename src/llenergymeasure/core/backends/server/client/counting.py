"""Shares the tokens of an answer out to its events, because an event may bring several tokens or a part of one.

An event that brings no further token is joined with the one before, so that the counts increase.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from llenergymeasure.core.backends.server.client.asked import Answer

CountsTokens = Callable[[Sequence[str]], Sequence[int]]


@dataclass(frozen=True)
class Arrivals:
    """When tokens came: as the fields of `Answer` with these names."""

    event_times_s: tuple[float, ...]
    event_tokens: tuple[int, ...]
    texts: tuple[str, ...]


def as_reported(times: Sequence[float], texts: Sequence[str], counts: Sequence[int], total: int) -> Arrivals:
    """By the server's own counts up to each event; what is missing to the total is counted with the last event."""
    return _increasing(times, texts, [*(min(count, total) for count in counts[:-1]), total])


def evenly(times: Sequence[float], texts: Sequence[str], total: int) -> Arrivals:
    """As many tokens with each event as with every other; what is over comes late, such as the end of sequence."""
    number = len(times)
    return _increasing(times, texts, [max(1, (index + 1) * total // number) for index in range(number)])


def by_weight(times: Sequence[float], texts: Sequence[str], weights: Sequence[int], total: int) -> Arrivals:
    """In proportion to the tokens of each event's text, as a tokenizer counts them."""
    whole = sum(weights)
    if not whole:
        return evenly(times, texts, total)
    return _increasing(times, texts, [max(1, so_far * total // whole) for so_far in accumulate(weights)])


def _increasing(times: Sequence[float], texts: Sequence[str], counts: Sequence[int]) -> Arrivals:
    kept_times: list[float] = []
    kept_counts: list[int] = []
    kept_texts: list[str] = []
    for time_s, text, count in zip(times, texts, counts):
        if count > (kept_counts[-1] if kept_counts else 0):
            kept_times.append(time_s)
            kept_counts.append(count)
            kept_texts.append(text)
        elif kept_texts:
            kept_texts[-1] += text
    return Arrivals(tuple(kept_times), tuple(kept_counts), tuple(kept_texts))


def counted(answer: Answer, tokens_of: CountsTokens) -> Answer:
    """The answer with what the server does not count: counted by a tokenizer and, where it has a total, only shared out by it.

    This takes a while for a long answer, so it belongs after the window.

    Args:
        answer: any answer.
        tokens_of: the number of tokens of each text, without special tokens.
    """
    if answer.counts_are_reported or not answer.event_times_s:
        return answer
    if answer.output_tokens is None:
        total = max(1, tokens_of(["".join(answer.texts)])[0])
        answer = replace(answer, output_tokens=total, counted_by="tokenizer")
    assert answer.output_tokens is not None
    if len(answer.texts) == answer.output_tokens:
        return answer
    shared = by_weight(answer.event_times_s, answer.texts, tokens_of(answer.texts), answer.output_tokens)
    return replace(answer, **vars(shared))
