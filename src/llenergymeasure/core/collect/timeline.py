"""When each step of a run and each batch of its window took place, told from the start of the window."""

from __future__ import annotations

from collections.abc import Sequence

from llenergymeasure.domain.measurements import BatchTimes, RunPhase, Timeline
from llenergymeasure.protocols import Window


def timeline_of(begun: Sequence[tuple[float, str]], window: Window) -> Timeline:
    """The steps that began until the window closed, and the window's batches.

    A meter may need a while to open: that is a step of its own, since the window is not yet there.

    Args:
        begun: when each step began, with its name, on the clock of the window.
        window: what was measured.
    """
    until_its_end = [(time_s, name) for time_s, name in begun if time_s < window.end_s]
    if until_its_end and until_its_end[-1][0] < window.start_s:
        opening_s, name = until_its_end.pop()
        until_its_end += [(opening_s, "meter"), (window.start_s, name)]
    ends = [*(time_s for time_s, _ in until_its_end[1:]), window.end_s]
    return Timeline(
        phases=tuple(
            RunPhase(name=name, start_s=time_s - window.start_s, end_s=end_s - window.start_s)
            for (time_s, name), end_s in zip(until_its_end, ends)
        ),
        batches=tuple(
            BatchTimes(
                start_s=batch.started_s - window.start_s,
                first_token_s=batch.step_times_s[0] - window.start_s if batch.step_times_s else None,
                end_s=batch.finished_s - window.start_s,
            )
            for batch in window.batches
        ),
    )
