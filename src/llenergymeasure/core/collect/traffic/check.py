"""Checks that the records of a server under traffic are possible for the window."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llenergymeasure.core.collect.check_request import (
    TOLERANCE_S,
    miscounted,
    named,
    order_tolerance_s,
    problems_of_request,
    problems_outside,
)
from llenergymeasure.core.collect.intervals import Interval
from llenergymeasure.core.collect.traffic.failures import failures_by_kind
from llenergymeasure.domain.traffic.result import OF_LOAD
from llenergymeasure.domain.traffic.text import failures_text
from llenergymeasure.exceptions import BackendError, Unanswered
from llenergymeasure.records import FailedRequest, RequestRecord, RunRecords, TrafficRecord


def check_traffic(
    records: RunRecords, traffic: TrafficRecord, expected: Sequence[int], window: Interval, inside_traffic: bool
) -> None:
    """Check the records of one run of a server.

    Args:
        records: the records of the run.
        traffic: their part about the traffic.
        expected: indices of the prompts.
        window: the edges of the window in s.
        inside_traffic: whether the window lies inside the traffic. If not, each prompt must be answered or have failed once.

    Raises:
        BackendError: a record is impossible.
    """
    tolerance_s = order_tolerance_s(window)
    for problem in (
        *_problems_of_run(records, traffic, window),
        *_problems_of_prompts(records, traffic, expected, inside_traffic),
        *(found for one in records.requests for found in _problems_of_answered(one, traffic, tolerance_s)),
        *(found for one in traffic.others for found in _problems_of_other(one, traffic, tolerance_s)),
        *(found for one in _failed(traffic) for found in _problems_of_failed(one, tolerance_s)),
    ):
        raise BackendError(f"the engine's records of its traffic are impossible: {problem}")


def check_answered(passes: Sequence[RunRecords]) -> None:
    """Check that a server answered a request of the window.

    Args:
        passes: the records of all of its runs.

    Raises:
        BackendError: no run of a server has an answered request.
    """
    check_counted(passes)
    if any(one.traffic is not None for one in passes) and not any(one.requests for one in passes):
        raise _unanswered(_failures(passes))


def check_counted(passes: Sequence[RunRecords]) -> None:
    """Check that the tokens of an answer of a server were counted, if it has answered.

    Args:
        passes: the records of several runs.

    Raises:
        BackendError: neither the server nor a tokenizer on this machine counts them.
    """
    failures = _failures(passes)
    if failures and not any(one.requests for one in passes) and all(one.kind == "no_usage" for one in failures):
        raise BackendError(failures[0].message)


def _failures(passes: Sequence[RunRecords]) -> list[FailedRequest]:
    return [failure for one in passes if one.traffic is not None for failure in one.traffic.failures]


def _failed(traffic: TrafficRecord) -> tuple[FailedRequest, ...]:
    return (*traffic.failures, *traffic.other_failures)


def _unanswered(failures: Sequence[FailedRequest]) -> BackendError:
    if not failures:
        return BackendError("no request was sent in the window; raise n, or lower traffic.concurrency")
    kinds = failures_text(failures_by_kind(failures))
    message = f"no request of the window was answered: {kinds}"
    by_load = not OF_LOAD.isdisjoint(failure.kind for failure in failures)
    return Unanswered(message) if by_load else BackendError(message)


def _problems_of_run(records: RunRecords, traffic: TrafficRecord, window: Interval) -> Iterator[str]:
    yield from problems_outside((traffic.start_s, traffic.end_s), window)
    due, sent = len(traffic.due_s), len(traffic.sent_s)
    known = len(records.requests) + len(traffic.failures)
    if not due == sent == known:
        yield f"due_s has {due} entries and sent_s {sent}, but there are {known} answered and failed requests"
    if list(traffic.due_s) != sorted(traffic.due_s):
        yield "due_s are not in order"
    tolerance_s = order_tolerance_s(window)
    if any(sent_s < due_s - tolerance_s for due_s, sent_s in zip(traffic.due_s, traffic.sent_s)):
        yield "a request was sent before it was due"


def _problems_of_prompts(
    records: RunRecords, traffic: TrafficRecord, expected: Sequence[int], inside_traffic: bool
) -> Iterator[str]:
    found = [*(one.prompt_index for one in records.requests), *(one.prompt_index for one in traffic.failures)]
    if not inside_traffic:
        wrong = miscounted(found, expected)
        if wrong:
            yield f"each of {len(expected)} prompts must be answered or have failed once: {wrong}"
    others = [*(one.prompt_index for one in traffic.others), *(one.prompt_index for one in traffic.other_failures)]
    unknown = sorted({*found, *others} - set(expected))
    if unknown:
        yield f"there are no prompts {named(unknown)}"


def _problems_of_answered(request: RequestRecord, traffic: TrafficRecord, tolerance_s: float) -> Iterator[str]:
    name = f"of prompt {request.prompt_index}"
    yield from (f"{name}, {problem}" for problem in problems_of_request(request, tolerance_s))
    sent_s, due_s = request.scheduled_s, _due_s(request)
    if sent_s < traffic.start_s - TOLERANCE_S or due_s > traffic.end_s + TOLERANCE_S:
        times = f"due at {due_s:.6g} s and sent at {sent_s:.6g} s"
        yield f"{name}, a request was {times}, outside the run from {traffic.start_s:.6g} to {traffic.end_s:.6g} s"


def _problems_of_other(request: RequestRecord, traffic: TrafficRecord, tolerance_s: float) -> Iterator[str]:
    """Others were due before the run, or at its very end, after all that are measured in it."""
    name = f"of prompt {request.prompt_index}"
    yield from (f"{name}, {problem}" for problem in problems_of_request(request, tolerance_s))
    last_s = max(traffic.due_s, default=traffic.start_s)
    if traffic.start_s + tolerance_s < _due_s(request) < last_s - tolerance_s:
        yield f"{name}, a request that was due in the run at {_due_s(request):.6g} s is among the others"


def _due_s(request: RequestRecord) -> float:
    """When a request was due. A client that has too much to do sends it later."""
    return request.scheduled_s if request.queued_s is None else request.queued_s


def _problems_of_failed(request: FailedRequest, tolerance_s: float) -> Iterator[str]:
    name = f"of the failed prompt {request.prompt_index}"
    if request.ended_s < request.sent_s - tolerance_s:
        yield f"{name}, ended_s is {request.ended_s:.6g} s, before sent_s {request.sent_s:.6g} s"
    if len(request.token_times_s) != len(request.token_counts):
        yield f"{name}, token_times_s and token_counts have different lengths"
    if list(request.token_times_s) != sorted(request.token_times_s):
        yield f"{name}, token_times_s are not in order"
    if list(request.uncounted_times_s) != sorted(request.uncounted_times_s):
        yield f"{name}, uncounted_times_s are not in order"
    if request.token_times_s and request.uncounted_times_s:
        yield f"{name}, there are both token_times_s and uncounted_times_s"
