"""Checks of one request of an engine, and the tolerances of its times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from llenergymeasure.core.collect.intervals import Interval
from llenergymeasure.records import RequestRecord

# Device times are converted to the host's clock, with an error of microseconds. Another clock or another unit differs by
# far more than this tolerance, except in windows of less than a second. The two clocks may drift by 1 s in 1000 s:
# oscillators differ by about 1e-4, and a time service changes the host's rate by at most 5e-4.
TOLERANCE_S = 0.5
DRIFT = 1e-3
# The error of one conversion, in which a thread may have been interrupted between the readings of the two clocks.
ORDER_TOLERANCE_S = 1e-3


def miscounted(found: Sequence[int], expected: Sequence[int]) -> str:
    """The prompts that are missing, repeated or unknown, as a clause; empty without any."""
    counted, wanted = Counter(found), set(expected)
    faults = {
        "missing": sorted(wanted - set(counted)),
        "more than once": sorted(index for index in wanted if counted[index] > 1),
        "unknown": sorted(set(counted) - wanted),
    }
    return "; ".join(f"{fault}: {named(indices)}" for fault, indices in faults.items() if indices)


def named(indices: Sequence[int]) -> str:
    """The first of these prompts, with their number."""
    text = ", ".join(map(str, indices[:5]))
    return f"{text}, ... ({len(indices)} in all)" if len(indices) > 5 else text


def moments_of(request: RequestRecord) -> list[tuple[str, float]]:
    """The known moments of a request by name, in the order in which they must be."""
    times = {
        "queued_s": request.queued_s,
        "scheduled_s": request.scheduled_s,
        "first_token_s": request.first_token_s,
        "finished_s": request.finished_s,
    }
    return [(name, time_s) for name, time_s in times.items() if time_s is not None]


def problems_of_request(request: RequestRecord, tolerance_s: float) -> Iterator[str]:
    """Why the record of a request is impossible, in whatever window it is."""
    yield from _counts(request)
    known = moments_of(request)
    for (before, before_s), (after, after_s) in zip(known, known[1:]):
        if after_s < before_s - tolerance_s:
            yield f"{after} is {after_s:.6g} s, before {before} {before_s:.6g} s"
    if list(request.token_times_s) != sorted(request.token_times_s):
        yield "token_times_s are not in order"


def _counts(request: RequestRecord) -> Iterator[str]:
    """Problems of its numbers of tokens."""
    times, counts, ids = request.token_times_s, request.token_counts, request.output_ids
    if request.input_tokens < 1 or request.output_tokens < 0:
        yield f"input_tokens is {request.input_tokens} and output_tokens {request.output_tokens}"
    if ids is not None and len(ids) != request.output_tokens:
        yield f"output_ids has {len(ids)} entries and output_tokens is {request.output_tokens}"
    if len(times) != len(counts):
        yield f"token_times_s has {len(times)} entries and token_counts {len(counts)}"
    if list(counts) != sorted(counts):
        yield "token_counts decrease"


def problems_outside(times: Sequence[float], window: Interval) -> Iterator[str]:
    """Why times cannot be of this window; nothing when they can."""
    start_s, end_s = window
    tolerance_s = TOLERANCE_S + DRIFT * (end_s - start_s)
    if min(times) < start_s - tolerance_s or max(times) > end_s + tolerance_s:
        yield (
            f"its times reach from {min(times):.6g} to {max(times):.6g} s, but the window from {start_s:.6g} to "
            f"{end_s:.6g} s; use seconds of the clock that the loader was given"
        )


def order_tolerance_s(window: Interval) -> float:
    """How far in s a time of the device may lie before an earlier one of the host."""
    return ORDER_TOLERANCE_S + DRIFT * (window[1] - window[0])
