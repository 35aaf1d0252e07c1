"""Checks that the records of an engine are possible for the window.

A missing batch, a prompt counted twice or a time of another clock would give wrong numbers that look plausible. So the
records are compared with the batches and with the edges of the window before anything is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from llenergymeasure.exceptions import BackendError
from llenergymeasure.protocols import Batch
from llenergymeasure.records import BatchRecord

# Device times are converted to the host's clock, with an error of microseconds. Another clock or another unit differs by
# far more than this tolerance, except in windows of less than a second. The two clocks may drift by 1 s in 1000 s:
# oscillators differ by about 1e-4, and a time service changes the host's rate by at most 5e-4.
TOLERANCE_S = 0.5
DRIFT = 1e-3


def check_prepared(batches: Sequence[Batch], n_prompts: int) -> None:
    """Check that the prepared batches hold each prompt once.

    Raises:
        BackendError: a prompt is in no batch, or in two.
    """
    wrong = _miscounted([index for batch in batches for index in batch.prompt_indices], range(n_prompts))
    if wrong:
        raise BackendError(f"the engine's prepare must put each of {n_prompts} prompts into one batch: {wrong}")


def check_records(
    records: Sequence[BatchRecord], batches: Sequence[Batch], start_s: float, end_s: float
) -> tuple[BatchRecord, ...]:
    """The records, if they are possible for these batches in a window from `start_s` to `end_s`.

    Raises:
        BackendError: a record is impossible; the message names the batch and the problem.
    """
    expected = [index for batch in batches for index in batch.prompt_indices]
    wrong = _miscounted([index for record in records for index in record.prompt_indices], expected)
    if wrong:
        raise BackendError(f"the engine's records must hold each of {len(expected)} prompts once: {wrong}")
    for record in records:
        for problem in _problems(record, start_s, end_s):
            raise BackendError(
                f"the engine's record of prompts {_named(record.prompt_indices)} is impossible: {problem}"
            )
    return tuple(records)


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


def _problems(record: BatchRecord, start_s: float, end_s: float) -> Iterator[str]:
    rows = len(record.prompt_indices)
    for name, values in (("input_lengths", record.input_lengths), ("output_ids", record.output_ids)):
        if len(values) != rows:
            yield f"{name} has {len(values)} entries for {rows} prompts"
    if max(record.input_lengths, default=0) > record.padded_length:
        yield f"padded_length {record.padded_length} is below the longest input of {max(record.input_lengths)} tokens"
    if len(record.step_times_s) != len(record.step_tokens):
        yield f"step_times_s has {len(record.step_times_s)} entries and step_tokens {len(record.step_tokens)}"
    if record.finished_s < record.started_s:
        yield f"it finished at {record.finished_s:.6g} s, before it started at {record.started_s:.6g} s"
    times = (record.started_s, record.finished_s, *record.step_times_s)
    tolerance_s = TOLERANCE_S + DRIFT * (end_s - start_s)
    if min(times) < start_s - tolerance_s or max(times) > end_s + tolerance_s:
        yield (
            f"its times reach from {min(times):.6g} to {max(times):.6g} s, but the window from {start_s:.6g} to "
            f"{end_s:.6g} s; use seconds of the clock that the loader was given"
        )
