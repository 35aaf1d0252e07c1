"""Checks that the records of an engine are possible for the window.

A missing request, a prompt counted twice or a time of another clock would give wrong numbers that look plausible. So the
records are compared with the batches and with the edges of the window before anything is counted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from llenergymeasure.core.collect.check_request import (
    miscounted,
    moments_of,
    named,
    order_tolerance_s,
    problems_of_request,
    problems_outside,
)
from llenergymeasure.core.collect.intervals import Interval
from llenergymeasure.core.collect.traffic.check import check_answered, check_traffic
from llenergymeasure.exceptions import BackendError
from llenergymeasure.protocols import Batch, RunOutput
from llenergymeasure.records import BatchRecord, RequestRecord, RunRecords


def check_prepared(batches: Sequence[Batch], n_prompts: int) -> None:
    """Check that the prepared batches hold each prompt once.

    Raises:
        BackendError: a prompt is in no batch, or in two.
    """
    wrong = miscounted([index for batch in batches for index in batch.prompt_indices], range(n_prompts))
    if wrong:
        raise BackendError(f"the engine's prepare must put each of {n_prompts} prompts into one batch: {wrong}")


def records_of(output: RunOutput) -> RunRecords:
    """The records of a run.

    Raises:
        BackendError: they are not of this type, as those of an engine for an earlier release.
    """
    records = output.records()
    if not isinstance(records, RunRecords):
        raise BackendError(f"the engine's records must be RunRecords, and are {type(records).__name__}")
    return records


def checked_passes(
    outputs: Sequence[RunOutput], batches: Sequence[Batch], start_s: float, end_s: float, inside_traffic: bool = False
) -> tuple[RunRecords, ...]:
    """The records of all runs of a window, if they are possible, and if a server answered at least one of its requests.

    Args:
        outputs: the output of each run.
        batches, start_s, end_s, inside_traffic: as for `check_records`.

    Raises:
        BackendError: a record is impossible, or no request of the window was answered.
    """
    passes = tuple(check_records(records_of(output), batches, start_s, end_s, inside_traffic) for output in outputs)
    check_answered(passes)
    return passes


def check_records(
    records: RunRecords, batches: Sequence[Batch], start_s: float, end_s: float, inside_traffic: bool = False
) -> RunRecords:
    """The records, if they are possible for these batches in a window from `start_s` to `end_s`.

    Args:
        records: those of one run.
        batches: those that were run.
        start_s: start of the window in s.
        end_s: end of the window in s.
        inside_traffic: whether the window lies inside the traffic of a server. A prompt may then be sent several times or never.

    Raises:
        BackendError: a record is impossible; the message names the request or the batch, and the problem.
    """
    expected = [index for batch in batches for index in batch.prompt_indices]
    window = start_s, end_s
    if records.traffic is not None:
        check_traffic(records, records.traffic, expected, window, inside_traffic)
        return records
    wrong = miscounted([request.prompt_index for request in records.requests], expected)
    if wrong:
        raise BackendError(f"the engine's records must hold each of {len(expected)} prompts once: {wrong}")
    for request in records.requests:
        for problem in _problems_of_request(request, window):
            raise BackendError(f"the engine's record of prompt {request.prompt_index} is impossible: {problem}")
    for batch in records.batches:
        for problem in _problems_of_batch(batch, window):
            raise BackendError(
                f"the engine's record of the batch of prompts {named(batch.prompt_indices)} is impossible: {problem}"
            )
    for problem in _disagreements(records, window):
        raise BackendError(f"the engine's records of requests and of batches disagree: {problem}")
    return records


def _problems_of_request(request: RequestRecord, window: Interval) -> Iterator[str]:
    yield from problems_of_request(request, order_tolerance_s(window))
    moments = (time_s for _, time_s in moments_of(request))
    yield from problems_outside((*moments, *request.token_times_s), window)


def _problems_of_batch(batch: BatchRecord, window: Interval) -> Iterator[str]:
    if len(batch.step_times_s) != len(batch.step_tokens):
        yield f"step_times_s has {len(batch.step_times_s)} entries and step_tokens {len(batch.step_tokens)}"
    if batch.finished_s < batch.started_s:
        yield f"it finished at {batch.finished_s:.6g} s, before it started at {batch.started_s:.6g} s"
    yield from problems_outside((batch.started_s, batch.finished_s, *batch.step_times_s), window)


def _disagreements(records: RunRecords, window: Interval) -> Iterator[str]:
    """Requests that are in another batch than they say, or that do not fit into it."""
    rows: dict[int | None, list[RequestRecord]] = defaultdict(list)
    for request in records.requests:
        rows[request.batch].append(request)
    unknown = [number for number in rows if number is not None and not 0 <= number < len(records.batches)]
    if unknown:
        yield f"there is no batch {unknown[0]}, of which prompt {rows[unknown[0]][0].prompt_index} is said to be"
    for number, batch in enumerate(records.batches):
        wrong = miscounted([row.prompt_index for row in rows[number]], batch.prompt_indices)
        if wrong:
            yield f"the requests of batch {number} must be its prompts: {wrong}"
        for row in rows[number]:
            yield from _not_of(batch, row, order_tolerance_s(window))


def _not_of(batch: BatchRecord, row: RequestRecord, tolerance_s: float) -> Iterator[str]:
    """Why a request cannot be a row of its batch."""
    if row.input_tokens > batch.padded_length:
        yield f"prompt {row.prompt_index} has {row.input_tokens} input tokens, more than padded_length {batch.padded_length}"
    if row.scheduled_s < batch.started_s - tolerance_s or row.finished_s > batch.finished_s + tolerance_s:
        yield (
            f"prompt {row.prompt_index} was worked on from {row.scheduled_s:.6g} to {row.finished_s:.6g} s, its batch from "
            f"{batch.started_s:.6g} to {batch.finished_s:.6g} s"
        )
