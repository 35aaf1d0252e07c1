"""The prompts that vLLM gets and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from llenergymeasure.core.backends.vllm.generation.stamps import StepLog
from llenergymeasure.exceptions import BackendError
from llenergymeasure.records import RequestRecord, RunRecords, SchedulerRecord


@dataclass(frozen=True)
class Prompts:
    """Prompts as vLLM takes them."""

    prompt_indices: tuple[int, ...]
    lengths: tuple[int, ...]
    inputs: tuple[Mapping[str, Any], ...]

    @property
    def padded_length(self) -> int:
        """Tokens of the longest prompt; vLLM does not pad prompts to one length."""
        return max(self.lengths)

    @classmethod
    def joined(cls, several: Sequence[Prompts]) -> Prompts:
        """The prompts of all of them."""
        return cls(
            tuple(chain.from_iterable(one.prompt_indices for one in several)),
            tuple(chain.from_iterable(one.lengths for one in several)),
            tuple(chain.from_iterable(one.inputs for one in several)),
        )


@dataclass(frozen=True)
class GeneratedRun:
    """The output of a run.

    Attributes:
        prompts: the prompts, in the order in which vLLM got them.
        ids: the id of each request in its answer, in the same order.
        names: vLLM's own id of each request, in the same order.
        outputs: vLLM's output of each request, in the order in which they ended.
        log: what the steps gave.
        on_clock: converts a stamp of the engine to the clock of the measurement.
    """

    prompts: Prompts
    ids: tuple[str, ...]
    names: tuple[str, ...]
    outputs: tuple[Any, ...]
    log: StepLog
    on_clock: Callable[[float], float]

    def records(self) -> RunRecords:
        answers = {output.request_id: output for output in self.outputs}
        rows = zip(self.prompts.prompt_indices, self.prompts.lengths, self.names, map(answers.get, self.ids))
        return RunRecords(requests=tuple(self._request(*row) for row in rows), scheduler=self._scheduler())

    def _scheduler(self) -> SchedulerRecord:
        if self.log.cache_usage is None:
            raise BackendError(
                "vLLM's scheduler reported no counters: its statistics are off; please report this as an error"
            )
        return SchedulerRecord(
            preemptions=sum(output.metrics.num_preemptions for output in self.outputs),
            cache_usage=self.log.cache_usage,
            prefix_tokens=self.log.cache_queries,
            cached_tokens=self.log.cache_hits,
        )

    def _request(self, index: int, length: int, name: str, output: Any | None) -> RequestRecord:
        if output is None:
            raise BackendError(f"vLLM ended without an answer to prompt {index}; please report this as an error")
        if output.metrics is None:
            raise BackendError(
                f"vLLM recorded no times for prompt {index}: its statistics are off; please report this as an error"
            )
        answer, stats, tokens = output.outputs[0], output.metrics, self.log.tokens.get(name)
        if tokens is None:
            raise BackendError(f"vLLM stamped no token of prompt {index}; please report this as an error")
        stamps_s, counts = tokens.up_to(len(answer.token_ids))
        times_s = tuple(map(self.on_clock, stamps_s))
        return RequestRecord(
            prompt_index=index,
            input_tokens=length,
            output_tokens=len(answer.token_ids),
            output_ids=tuple(answer.token_ids),
            queued_s=self.on_clock(stats.queued_ts),
            scheduled_s=self.on_clock(stats.scheduled_ts),
            first_token_s=times_s[0],
            finished_s=times_s[-1],
            token_times_s=times_s,
            token_counts=counts,
            end=_end(index, answer.finish_reason),
        )


def _end(index: int, reason: str | None) -> Literal["stop", "length"]:
    """Why a request ended.

    Raises:
        BackendError: vLLM did not answer it.
    """
    if reason == "stop":
        return "stop"
    if reason == "length":
        return "length"
    raise BackendError(
        f"vLLM ended prompt {index} without an answer (finish_reason {reason}); "
        "the log llenergymeasure.vllm at level DEBUG has its messages"
    )
