"""Checks that the records of an engine are possible for the window.

A missing request, a prompt counted twice or a time of another clock would give wrong numbers that look plausible. So the
records are compared with the batches and with the edges of the window before anything is counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from llenergymeasure.core.collect.intervals import Interval
from llenergymeasure.exceptions import BackendError
from llenergymeasure.protocols import Batch, RunOutput
from llenergymeasure.records import BatchRecord, RequestRecord, RunRecords

# Device times are converted to the host's clock, with an error of microseconds. Another clock or another unit differs by
# far more than this tolerance, except in windows of less than a second. The two clocks may drift by 1 s in 1000 s:
# oscillators differ by about 1e-4, and a time service changes the host's rate by at most 5e-4.
TOLERANCE_S = 0.5
DRIFT = 1e-3
# The error of one conversion, in which a thread may have been interrupted between the readings of the two clocks.
ORDER_TOLERANCE_S = 1e-3


def check_prepared(batches: Sequence[Batch], n_prompts: int) -> None:
    """Check that the prepared batches hold each prompt once.

    Raises:
        BackendError: a prompt is in no batch, or in two.
    """
    wrong = _miscounted([index for batch in batches for index in batch.prompt_indices], range(n_prompts))
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


def check_records(records: RunRecords, batches: Sequence[Batch], start_s: float, end_s: float) -> RunRecords:
    """The records, if they are possible for these batches in a window from `start_s` to `end_s`.

    Raises:
        BackendError: a record is impossible; the message names the request or the batch, and the problem.
    """
    expected = [index for batch in batches for index in batch.prompt_indices]
    wrong = _miscounted([request.prompt_index for request in records.requests], expected)
    if wrong:
        raise BackendError(f"the engine's records must hold each of {len(expected)} prompts once: {wrong}")
    window = start_s, end_s
    for request in records.requests:
        for problem in _problems_of_request(request, window):
            raise BackendError(f"the engine's record of prompt {request.prompt_index} is impossible: {problem}")
    for batch in records.batches:
        for problem in _problems_of_batch(batch, window):
            raise BackendError(
                f"the engine's record of the batch of prompts {_named(batch.prompt_indices)} is impossible: {problem}"
            )
    for problem in _disagreements(records, window):
        raise BackendError(f"the engine's records of requests and of batches disagree: {problem}")
    return records


def _miscounted(found: Sequence[int], expected: Sequence[int]) -> str:
    """The prompts that are missing, repeated or unknown, as a clause; empty without any."""
    counted, wanted = Counter(found), set(expected)
    faults = {
        "missing": sorted(wanted - set(counted)),
        "more than once": sorted(index for index in wanted if counted[index] > 1),
        "unknown": sorted(set(counted) - wanted),
    }
    return "; ".join(f"{fault}: {_named(indices)}" for fault, indices in faults.items() if indices)


def _named(indices: Sequence[int]) -> str:
    text = ", ".join(map(str, indices[:5]))
    return f"{text}, ... ({len(indices)} in all)" if len(indices) > 5 else text


def _problems_of_request(request: RequestRecord, window: Interval) -> Iterator[str]:
    times = {
        "queued_s": request.queued_s,
        "scheduled_s": request.scheduled_s,
        "first_token_s": request.first_token_s,
        "finished_s": request.finished_s,
    }
    yield from _counts(request)
    known = [(name, time_s) for name, time_s in times.items() if time_s is not None]
    for (before, before_s), (after, after_s) in zip(known, known[1:]):
        if after_s < before_s - _order_tolerance_s(window):
            yield f"{after} is {after_s:.6g} s, before {before} {before_s:.6g} s"
    if list(request.token_times_s) != sorted(request.token_times_s):
        yield "token_times_s are not in order"
    yield from _not_inside((*(time_s for _, time_s in known), *request.token_times_s), window)


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


def _problems_of_batch(batch: BatchRecord, window: Interval) -> Iterator[str]:
    if len(batch.step_times_s) != len(batch.step_tokens):
        yield f"step_times_s has {len(batch.step_times_s)} entries and step_tokens {len(batch.step_tokens)}"
    if batch.finished_s < batch.started_s:
        yield f"it finished at {batch.finished_s:.6g} s, before it started at {batch.started_s:.6g} s"
    yield from _not_inside((batch.started_s, batch.finished_s, *batch.step_times_s), window)


def _not_inside(times: Sequence[float], window: Interval) -> Iterator[str]:
    start_s, end_s = window
    tolerance_s = TOLERANCE_S + DRIFT * (end_s - start_s)
    if min(times) < start_s - tolerance_s or max(times) > end_s + tolerance_s:
        yield (
            f"its times reach from {min(times):.6g} to {max(times):.6g} s, but the window from {start_s:.6g} to "
            f"{end_s:.6g} s; use seconds of the clock that the loader was given"
        )


def _disagreements(records: RunRecords, window: Interval) -> Iterator[str]:
    """Requests that are in another batch than they say, or that do not fit into it."""
    rows: dict[int | None, list[RequestRecord]] = defaultdict(list)
    for request in records.requests:
        rows[request.batch].append(request)
    unknown = [number for number in rows if number is not None and not 0 <= number < len(records.batches)]
    if unknown:
        yield f"there is no batch {unknown[0]}, of which prompt {rows[unknown[0]][0].prompt_index} is said to be"
    for number, batch in enumerate(records.batches):
        wrong = _miscounted([row.prompt_index for row in rows[number]], batch.prompt_indices)
        if wrong:
            yield f"the requests of batch {number} must be its prompts: {wrong}"
        for row in rows[number]:
            yield from _not_of(batch, row, _order_tolerance_s(window))


def _not_of(batch: BatchRecord, row: RequestRecord, tolerance_s: float) -> Iterator[str]:
    """Why a request cannot be a row of its batch."""
    if row.input_tokens > batch.padded_length:
        yield f"prompt {row.prompt_index} has {row.input_tokens} input tokens, more than padded_length {batch.padded_length}"
    if row.scheduled_s < batch.started_s - tolerance_s or row.finished_s > batch.finished_s + tolerance_s:
        yield (
            f"prompt {row.prompt_index} was worked on from {row.scheduled_s:.6g} to {row.finished_s:.6g} s, its batch from "
            f"{batch.started_s:.6g} to {batch.finished_s:.6g} s"
        )


def _order_tolerance_s(window: Interval) -> float:
    """How far in s a time of the device may lie before an earlier one of the host."""
    return ORDER_TOLERANCE_S + DRIFT * (window[1] - window[0])
