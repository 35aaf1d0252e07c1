"""The records of a stretch of the load, made from the answers to its requests after the window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from llenergymeasure.core.backends.server.client.asked import Answer, Failure
from llenergymeasure.core.backends.server.client.counting import counted
from llenergymeasure.core.backends.server.loaded import ServerTokenizer
from llenergymeasure.core.backends.server.traffic.load import Stretch
from llenergymeasure.exceptions import BackendError
from llenergymeasure.records import FailedRequest, RequestRecord, RunRecords, TrafficRecord

_UNCOUNTED = Failure(
    "no_usage",
    "the server does not report how many tokens a request has, and the tokenizer of the model is not on this machine; name it in "
    "server.tokenizer",
)


@dataclass(frozen=True)
class StretchOutput:
    """The output of a run; its records are complete when the load has ended.

    Attributes:
        stretch: the measured part of the load.
        answers: what became of the requests of the whole load, by their numbers.
        input_lengths: tokens of each prompt by its index, as counted here.
        tokenizer: counts what the server does not count.
    """

    stretch: Stretch
    answers: Mapping[int, Answer]
    input_lengths: Mapping[int, int]
    tokenizer: ServerTokenizer

    def records(self) -> RunRecords:
        """The records. An answer whose tokens nothing counts is a failed request.

        Raises:
            BackendError: the tokenizer failed, and the server does not report how many tokens an answer has.
        """
        sent = [self._counted(self.answers[number]) for number in self.stretch.numbers]
        answered = [answer for answer in sent if answer.failure is None]
        others = self._others()
        return RunRecords(
            requests=tuple(map(self._request, answered)),
            traffic=TrafficRecord(
                start_s=self.stretch.begin.time_s,
                end_s=self.stretch.end.time_s,
                due_s=tuple(answer.due_s for answer in sent),
                sent_s=tuple(answer.sent_s for answer in sent),
                failures=tuple(self._failed(answer) for answer in sent if answer.failure is not None),
                others=tuple(self._request(answer) for answer in others if answer.failure is None),
                other_failures=tuple(self._failed(answer) for answer in others if answer.failure is not None),
                client_cpu_s=self.stretch.client_cpu_s,
                dropped_events=sum(answer.dropped_events for answer in sent),
            ),
        )

    def _others(self) -> list[Answer]:
        """The other requests that were in flight in the stretch, without those that were cancelled before they were sent."""
        found = (self.answers.get(number) for number in self.stretch.others)
        return [self._counted(answer) for answer in found if answer is not None]

    def _counted(self, answer: Answer) -> Answer:
        """The answer with what the tokenizer counts. If the tokenizer fails, only a complete answer cannot do without it."""
        if not self.tokenizer.counts:
            return self._failed_without_count(answer)
        try:
            return counted(answer, self.tokenizer.output_lengths)
        except BackendError:
            if answer.failure is None and answer.output_tokens is None:
                raise
            return answer

    def _failed_without_count(self, answer: Answer) -> Answer:
        is_counted = answer.output_tokens is not None and self._input_tokens(answer) is not None
        return answer if is_counted or answer.failure is not None else replace(answer, failure=_UNCOUNTED)

    def _request(self, answer: Answer) -> RequestRecord:
        input_tokens, output_tokens = self._input_tokens(answer), answer.output_tokens
        assert input_tokens is not None, "an answer without a count has failed"
        assert output_tokens is not None, "an answer without a count has failed"
        return RequestRecord(
            prompt_index=answer.prompt_index,
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            queued_s=answer.due_s,
            scheduled_s=answer.sent_s,
            first_token_s=answer.event_times_s[0],
            finished_s=answer.event_times_s[-1],
            token_times_s=answer.event_times_s,
            token_counts=answer.event_tokens,
            end=answer.end,
            n_events=answer.n_events,
            cached_tokens=answer.cached_tokens,
            counted_here=answer.counted_by == "tokenizer",
        )

    def _failed(self, answer: Answer) -> FailedRequest:
        assert answer.failure is not None
        is_counted = answer.output_tokens is not None
        return FailedRequest(
            prompt_index=answer.prompt_index,
            due_s=answer.due_s,
            sent_s=answer.sent_s,
            ended_s=answer.finished_s,
            kind=answer.failure.kind,
            message=answer.failure.message,
            status=answer.failure.status,
            token_times_s=answer.event_times_s if is_counted else (),
            token_counts=answer.event_tokens if is_counted else (),
            uncounted_times_s=() if is_counted else answer.event_times_s,
            input_tokens=self._input_tokens(answer),
            cached_tokens=answer.cached_tokens,
        )

    def _input_tokens(self, answer: Answer) -> int | None:
        """As the server counts them, also in another answer to the same prompt; else as counted here."""
        reported = answer.input_tokens or self._reported.get(answer.prompt_index)
        return reported or (self.input_lengths[answer.prompt_index] if self.tokenizer.counts else None)

    @cached_property
    def _reported(self) -> dict[int, int]:
        return {answer.prompt_index: answer.input_tokens for answer in self.answers.values() if answer.input_tokens}
