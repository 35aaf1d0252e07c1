"""The data that the parts of a measurement exchange, in addition to the blocks of a result.

The parts are described in `protocols`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from llenergymeasure.domain.sensors import GpuConditions, PowerTrace, SamplerReport, ThermalThrottleInfo, TimeSeries

if TYPE_CHECKING:
    from llenergymeasure.domain.results import ExperimentResult


@dataclass(frozen=True)
class RequestRecord:
    """One request: a prompt and its output. Times are in s on the clock of the measurement.

    Attributes:
        prompt_index: index of the prompt in the argument of `prepare`.
        input_tokens: useful input tokens, without padding.
        output_tokens: generated tokens, end-of-sequence included, padding excluded.
        scheduled_s: when the engine began to work on it. Latency and time to first token count from here.
        finished_s: when its last token was generated; under beam search, when the answer was known.
        output_ids: the generated ids; None where an engine reports only their number.
        first_token_s: when its first token was generated; None where it is not recorded.
        token_times_s: when its tokens were generated, in order; empty where it is not recorded.
        token_counts: tokens generated up to and including each of these times. The last may exceed `output_tokens`, when
            a step yields several tokens and the output ends before the last of them.
        queued_s: when the engine received it; None for an engine without a queue.
        end: whether it ended by itself (stop) or at the most tokens (length); None where it is not reported.
        batch: index of its batch in `RunRecords.batches`; None without batches.
        n_events: number of messages in which a server sent its tokens; None for another engine.
        cached_tokens: input tokens that a server took from its prefix cache; None where it does not report them.
        counted_here: whether the tokenizer of this machine counted its output tokens, because the server does not report them.
    """

    prompt_index: int
    input_tokens: int
    output_tokens: int
    scheduled_s: float
    finished_s: float
    output_ids: tuple[int, ...] | None = None
    first_token_s: float | None = None
    token_times_s: tuple[float, ...] = ()
    token_counts: tuple[int, ...] = ()
    queued_s: float | None = None
    end: Literal["stop", "length"] | None = None
    batch: int | None = None
    n_events: int | None = None
    cached_tokens: int | None = None
    counted_here: bool = False


@dataclass(frozen=True)
class BatchRecord:
    """What a static batch adds to its requests: padding, steps and compilations of one `generate` call.

    Times are in s on the clock of the measurement.

    Attributes:
        prompt_indices: indices of the prompts in the argument of `prepare`, as in their batch.
        padded_length: executed tokens per row in prefill.
        started_s: when `generate` was called.
        finished_s: when it returned and the device was idle.
        step_times_s: when each step's tokens were generated; the first is the end of prefill and first sampling. Empty
            when steps were not recorded.
        step_tokens: tokens per row generated up to and including each step (1, 2, 3, ... one by one).
        compilations: number of compilations in the meantime; None when not known.
        compiling_s: duration of these compilations in s.
    """

    prompt_indices: tuple[int, ...]
    padded_length: int
    started_s: float
    finished_s: float
    step_times_s: tuple[float, ...] = ()
    step_tokens: tuple[int, ...] = ()
    compilations: int | None = None
    compiling_s: float = 0.0


@dataclass(frozen=True)
class SchedulerRecord:
    """Counters of one run of an engine that schedules requests by itself.

    Attributes:
        preemptions: how often a running request was stopped, because the KV cache was full; its tokens are computed again.
        cache_usage: largest share (0 to 1) of the KV cache in use after a step.
        prefix_tokens: prompt tokens that were looked up in the prefix cache; 0 when it is off.
        cached_tokens: those of them that were found, and therefore not computed.
    """

    preemptions: int
    cache_usage: float
    prefix_tokens: int = 0
    cached_tokens: int = 0


@dataclass(frozen=True)
class FailedRequest:
    """A request that a server did not answer completely. Times are in s on the clock of the measurement.

    Attributes:
        prompt_index: index of the prompt in the argument of `prepare`.
        due_s: when the schedule wanted it to be sent.
        sent_s: when it was sent.
        ended_s: when it was given up.
        kind: the kind of the failure, such as refused, reset, timeout or status_429.
        message: the failure in a few words, without any key.
        status: the HTTP status; None where no answer began.
        token_times_s: when the tokens arrived that it had until then.
        token_counts: tokens up to and including each of these times.
        uncounted_times_s: when text arrived whose tokens nothing counts: the server counts those of complete answers only, and no
            tokenizer of its model is on this machine. Then there are no `token_times_s`.
        input_tokens: useful input tokens; None where nothing counts them.
        cached_tokens: those that the server took from its prefix cache; None where it does not report them.
    """

    prompt_index: int
    due_s: float
    sent_s: float
    ended_s: float
    kind: str
    message: str
    status: int | None = None
    token_times_s: tuple[float, ...] = ()
    token_counts: tuple[int, ...] = ()
    uncounted_times_s: tuple[float, ...] = ()
    input_tokens: int | None = None
    cached_tokens: int | None = None


@dataclass(frozen=True)
class TrafficRecord:
    """What one run of a server added to the records of its answered requests. Times are in s on the clock of the measurement.

    Attributes:
        start_s, end_s: the run: from its first moment to its last.
        due_s: when each request of the run was due by the schedule, answered or not, in order.
        sent_s: when each of them was sent.
        failures: the requests of the run that were not answered.
        others: requests that were sent before or after the run. Their tokens in the run count, their latencies do not.
        other_failures: those of them that were not answered. Their tokens count too; they are not failures of the run.
        client_cpu_s: CPU seconds of the thread that sent and received, during the run.
        dropped_events: events that could not be read and were left out.
    """

    start_s: float
    end_s: float
    due_s: tuple[float, ...]
    sent_s: tuple[float, ...]
    failures: tuple[FailedRequest, ...] = ()
    others: tuple[RequestRecord, ...] = ()
    other_failures: tuple[FailedRequest, ...] = ()
    client_cpu_s: float = 0.0
    dropped_events: int = 0


@dataclass(frozen=True)
class RunRecords:
    """What an engine did in one run.

    Attributes:
        requests: one record per prompt; of a server under traffic, one per answered request that was sent in the run, which may
            have been answered after its end.
        batches: the static batches, in the order in which they ran; empty for an engine without them.
        scheduler: counters of the engine's scheduler; None for an engine without one.
        traffic: what the traffic of a server added; None for an engine that is no server.
    """

    requests: tuple[RequestRecord, ...]
    batches: tuple[BatchRecord, ...] = ()
    scheduler: SchedulerRecord | None = None
    traffic: TrafficRecord | None = None


def requests_of(
    batch: BatchRecord,
    number: int,
    input_lengths: Sequence[int],
    output_ids: Sequence[Sequence[int]],
    known_at_end: bool = False,
) -> tuple[RequestRecord, ...]:
    """The requests of a static batch, whose rows take every step together.

    Args:
        batch: the batch.
        number: its index in `RunRecords.batches`.
        input_lengths: useful input tokens per row.
        output_ids: generated ids per row, end-of-sequence included, padding excluded.
        known_at_end: whether an answer is known only at the end of the batch, as under beam search.
    """
    return tuple(
        _request_of(batch, number, *row, known_at_end) for row in zip(batch.prompt_indices, input_lengths, output_ids)
    )


def _request_of(
    batch: BatchRecord, number: int, index: int, input_tokens: int, ids: Sequence[int], known_at_end: bool
) -> RequestRecord:
    last = bisect_left(batch.step_tokens, len(ids))
    until_known = known_at_end or last == len(batch.step_times_s)
    steps = len(batch.step_times_s) if until_known else last + 1
    return RequestRecord(
        prompt_index=index,
        input_tokens=input_tokens,
        output_tokens=len(ids),
        scheduled_s=batch.started_s,
        finished_s=batch.finished_s if until_known else batch.step_times_s[last],
        output_ids=tuple(ids),
        first_token_s=batch.step_times_s[0] if batch.step_times_s else None,
        token_times_s=batch.step_times_s[:steps],
        token_counts=batch.step_tokens[:steps],
        batch=number,
    )


class EnergyStep(NamedTuple):
    """Energy in J of one device between two updates of its sensor."""

    start_s: float
    end_s: float
    energy_j: float


@dataclass(frozen=True)
class Trace:
    """The sampler's data of one window.

    `energy_steps` has one sequence per device. `foreign_processes` is None where a driver does not list processes.
    `outside` is the power before and after the window, since the experiment was opened.
    """

    report: SamplerReport
    timeseries: TimeSeries | None = None
    throttling: ThermalThrottleInfo | None = None
    foreign_processes: tuple[str, ...] | None = ()
    energy_steps: tuple[tuple[EnergyStep, ...], ...] = ()
    conditions: tuple[GpuConditions, ...] = ()
    outside: tuple[PowerTrace, ...] = ()


@dataclass(frozen=True)
class Saved:
    """A saved result: its path, and the result as saved, with the names of its other files."""

    path: Path
    result: ExperimentResult
