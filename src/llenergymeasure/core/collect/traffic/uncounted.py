"""Output that is missing in the numbers of tokens, or may be.

A server may count the tokens of complete answers only, so that nothing counts those of failed requests. And it may report fewer
tokens than it has sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llenergymeasure.core.collect.stretches import Stretch
from llenergymeasure.records import RequestRecord


@dataclass(frozen=True)
class Uncounted:
    """What is missing in the output tokens of a window.

    Attributes:
        requests: failed requests with text in the window whose tokens were not counted.
        events: events with text that they had in it.
        tokens: about how many tokens these brought: as many with each event as in the answered requests.
    """

    requests: int
    events: int
    tokens: int


def uncounted_in(stretches: Sequence[Stretch], answered: Sequence[RequestRecord]) -> Uncounted:
    """What is missing in the output tokens of these runs.

    Args:
        stretches: the runs of the window.
        answered: the answered requests that were sent in it.
    """
    events = [
        (one.prompt_index, one.sent_s)
        for stretch in stretches
        for one in stretch.failures
        for time_s in one.uncounted_times_s
        if stretch.holds(time_s)
    ]
    tokens = max(1, round(len(events) * _tokens_per_event(answered))) if events else 0
    return Uncounted(len(set(events)), len(events), tokens)


def with_fewer_tokens_than_events(answered: Sequence[RequestRecord]) -> int:
    """The number of requests for which a server reports fewer tokens than it sent events.

    An event with text brings at least one, unless a text was cut up.
    """
    of_server = (one for one in answered if not one.counted_here)
    return sum(one.n_events is not None and one.output_tokens < one.n_events for one in of_server)


def _tokens_per_event(answered: Sequence[RequestRecord]) -> float:
    """1 where the events are not known."""
    known = [one for one in answered if one.n_events]
    events = sum(one.n_events or 0 for one in known)
    return sum(one.output_tokens for one in known) / events if events else 1.0
