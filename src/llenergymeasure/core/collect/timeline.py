"""Times of each phase of a run and of the work of its window, relative to the start of the window."""

from __future__ import annotations

from collections.abc import Sequence

from llenergymeasure.core.collect.running import running_requests
from llenergymeasure.domain.sensors import PowerTrace
from llenergymeasure.domain.timeline import BatchTimes, RunPhase, Timeline
from llenergymeasure.protocols import Window


def timeline_of(begun: Sequence[tuple[float, str]], window: Window, outside: tuple[PowerTrace, ...] = ()) -> Timeline:
    """The phases that began before the window closed, and the window's batches or the number of its running requests.

    The time in which the meter opens is a separate phase, because the window has not started yet, and so is the traffic of a
    server before it and after it.

    Args:
        begun: start and name of each phase, on the clock of the window.
        window: the measured window.
        outside: power before and after the window.
    """
    until_its_end = [(time_s, name) for time_s, name in begun if time_s < window.end_s]
    if until_its_end and until_its_end[-1][0] < window.start_s:
        opening_s, name = until_its_end.pop()
        ramp_up = [] if window.ramp_up_s is None else [(opening_s, "ramp_up")]
        until_its_end += [*ramp_up, (opening_s + (window.ramp_up_s or 0.0), "meter"), (window.start_s, name)]
    ends = [*(time_s for time_s, _ in until_its_end[1:]), window.end_s]
    if window.drain_s is not None:
        until_its_end.append((window.end_s, "drain"))
        ends.append(window.end_s + window.drain_s)
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
        running=running_requests(window),
        outside=outside,
    )
