"""A fake server under traffic with known times, on a `FakeClock`.

Each of C streams sends a request when its last one has ended. A request takes 0.1 s until its first token and 0.01 s per further
token, so all of them take the same time, and the streams are evenly staggered over it:

```
 stream 1   |---------|---------|---------|
 stream 2      |---------|---------|---------|
 stream 3         |---------|---------|---------|
```
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llenergymeasure.records import FailedRequest, RequestRecord, RunRecords, TrafficRecord
from llenergymeasure.testing import FakeBatch, FakeClock, FakeEngine

LAG_S = 0.001
CPU_SHARE = 0.25


@dataclass(frozen=True)
class Sent:
    """One request of the traffic: its number in the order of sending, its prompt, and when it was sent."""

    number: int
    prompt: int
    sent_s: float


@dataclass(frozen=True)
class Stretched:
    """The output of one run, whose records are made when they are read, after the drain."""

    engine: FakeTraffic
    start_s: float
    end_s: float
    sent: tuple[Sent, ...] | None = None

    def records(self) -> RunRecords:
        sent = self.engine.sent(self.end_s + 1.0) if self.sent is None else self.sent
        inside = [one for one in sent if self.start_s <= one.sent_s < self.end_s]
        others = [one for one in sent if one not in inside and self.engine.ended_s(one) > self.start_s]
        return RunRecords(
            tuple(self.engine.answered(one) for one in inside if not self.engine.fails(one)),
            traffic=TrafficRecord(
                start_s=self.start_s,
                end_s=self.end_s,
                due_s=tuple(one.sent_s - LAG_S for one in inside),
                sent_s=tuple(one.sent_s for one in inside),
                failures=tuple(self.engine.failed(one) for one in inside if self.engine.fails(one)),
                others=tuple(self.engine.answered(one) for one in others if not self.engine.fails(one)),
                other_failures=tuple(self.engine.failed(one) for one in others if self.engine.fails(one)),
                client_cpu_s=CPU_SHARE * (self.end_s - self.start_s),
            ),
        )


class FakeTraffic(FakeEngine):
    """A server with a concurrency. Requests with a number in `failing` fail when their first token is due."""

    failing: frozenset[int] = frozenset()

    def __init__(self, config, clock: FakeClock, log=None, **engine) -> None:
        super().__init__(config, clock, log, **engine)
        self.info = self.info.model_copy(update={"batch_size": None, "n_parameters": None, "n_matmul_parameters": None})
        self._traffic_since_s: float | None = None
        self._lengths: dict[int, int] = {}
        self._tokens: int | None = None

    @property
    def is_steady(self) -> bool:
        return self._config.traffic_settings.effective_window == "steady_state"

    @property
    def streams(self) -> int:
        return self._config.traffic_settings.effective_concurrency or 1

    def request_s(self, tokens: int) -> float:
        return self.prefill_s + (tokens - 1) * self.step_s

    def prepare(self, token_ids: Sequence[Sequence[int]]) -> list[FakeBatch]:
        self._lengths = {index: len(ids) for index, ids in enumerate(token_ids)}
        return [FakeBatch((index,), (length,)) for index, length in self._lengths.items()]

    def ramp_up(self, batches) -> None:
        self._log("engine.ramp_up")
        self._traffic_since_s = self._clock.now()
        answers = self._config.traffic_settings.effective_ramp_up_requests(len(batches))
        self._until_answer(answers)

    def drain(self) -> None:
        self._log("engine.drain")
        if self._traffic_since_s is not None:
            self._clock.sleep(self.request_s(self._config.output_limit))
        self._traffic_since_s = None

    def run(self, batches, max_new_tokens=None):
        self._log("engine.run" if max_new_tokens is None else f"engine.run warm-up of {max_new_tokens}")
        start_s = self._clock.now()
        if self._traffic_since_s is not None:
            self._until_answer(len(batches))
            return Stretched(self._frozen(), start_s, self._clock.now())
        tokens = max_new_tokens or self._config.output_limit
        sent = tuple(
            Sent(number, batch.prompt_indices[0], start_s + number // self.streams * self.request_s(tokens))
            for number, batch in enumerate(batches)
        )
        self._clock.sleep(sent[-1].sent_s + self.request_s(tokens) - start_s)
        return Stretched(self._frozen(tokens), start_s, self._clock.now(), sent)

    def _frozen(self, tokens: int | None = None) -> FakeTraffic:
        """This engine as it is now, for records that are made later."""
        found = type(self)(self._config, self._clock)
        found._lengths, found._traffic_since_s, found._tokens = self._lengths, self._traffic_since_s, tokens
        return found

    @property
    def tokens(self) -> int:
        return self._tokens or self._config.output_limit

    def sent(self, until_s: float) -> tuple[Sent, ...]:
        """Every request of the traffic that is sent before a moment, in order."""
        assert self._traffic_since_s is not None
        lasts_s = self.request_s(self.tokens)
        times = sorted(self._starts(lasts_s, until_s))
        return tuple(Sent(number, number % len(self._lengths), time_s) for number, time_s in enumerate(times))

    def _starts(self, lasts_s: float, until_s: float) -> Iterator[float]:
        for stream in range(self.streams):
            start_s = self._traffic_since_s + stream * lasts_s / self.streams
            while start_s < until_s:
                yield start_s
                start_s += lasts_s

    def _until_answer(self, count: int) -> None:
        """Let the traffic go on until so many more requests have ended."""
        now_s, lasts_s = self._clock.now(), self.request_s(self.tokens)
        ends = sorted(one.sent_s + lasts_s for one in self.sent(now_s + (count + 1) * lasts_s))
        end_s = [end_s for end_s in ends if end_s > now_s + 1e-9][count - 1]
        self._clock.sleep(end_s - now_s)

    def fails(self, one: Sent) -> bool:
        return one.number in self.failing

    def ended_s(self, one: Sent) -> float:
        return one.sent_s + (self.prefill_s if self.fails(one) else self.request_s(self.tokens))

    def answered(self, one: Sent) -> RequestRecord:
        times = tuple(one.sent_s + self.prefill_s + step * self.step_s for step in range(self.tokens))
        return RequestRecord(
            prompt_index=one.prompt, input_tokens=self._lengths[one.prompt], output_tokens=self.tokens,
            scheduled_s=one.sent_s, finished_s=times[-1], first_token_s=times[0], token_times_s=times,
            token_counts=tuple(range(1, self.tokens + 1)), queued_s=one.sent_s - LAG_S, end="length", cached_tokens=0,
        )  # fmt: skip

    def failed(self, one: Sent) -> FailedRequest:
        return FailedRequest(
            one.prompt, one.sent_s - LAG_S, one.sent_s, self.ended_s(one), "status_429", "429 Too Many Requests", 429
        )
