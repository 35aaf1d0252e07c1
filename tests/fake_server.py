"""A server without a network, and an event loop in which waiting takes no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.server.client.asked import Answer, Asked, Failure, FailureKind
from llenergymeasure.core.backends.server.engine import ServerEngine
from llenergymeasure.core.backends.server.loaded import LoadedServer
from llenergymeasure.domain.measurements import ModelInfo
from llenergymeasure.testing import FakeClock, FakeTokenizer

T = TypeVar("T")
PREFILL_S, STEP_S = 0.5, 0.125  # exact in binary


class FakeLoop:
    """Runs coroutines in the calling thread on a `FakeClock`: where the loop would wait, the clock advances.

    The time of the loop does not change between two calls, so a test gives the same result each time.

    Args:
        clock: the clock of the test.
        origin_s: time of the loop's own clock in s, when the clock of the test is at 0.
    """

    def __init__(self, clock: FakeClock, origin_s: float = 0.0) -> None:
        self._loop = _Loop(clock, origin_s)

    def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        task = self._loop.create_task(work())
        try:
            return self._loop.run_until_complete(task)
        except BaseException:
            task.cancel()
            self._loop.run_until_complete(asyncio.wait([task]))
            raise

    def interrupted_at(self, time_s: float, work: Callable[[], object]) -> None:
        """Do some work that a signal interrupts in the loop at this time of its clock."""
        self._loop.call_at(time_s, _interrupt)
        work()

    def tasks(self) -> int:
        """Tasks that have not ended."""
        return 0 if self._loop.is_closed() else len(asyncio.all_tasks(self._loop))

    def close(self) -> None:
        if not self._loop.is_closed():
            self._loop.close()


def _interrupt() -> None:
    raise KeyboardInterrupt


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: FakeClock, origin_s: float) -> None:
        super().__init__(_Selector(clock))
        self._clock, self._origin_s = clock, origin_s

    def time(self) -> float:
        return self._clock.now() + self._origin_s


class _Selector(selectors.SelectSelector):
    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "nothing is left to wait for: the test would wait for ever"
        self._clock.sleep(timeout)
        return super().select(0)


class CountingTokenizer(FakeTokenizer):
    """One token per word; its ids are tokens of the model."""

    counts = True

    def output_lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def decode(self, ids: Sequence[int]) -> str:
        return " ".join("x" * (token - 10) for token in ids)


class FakeServer:
    """A client whose server needs 0.5 s until the first token, and 0.125 s for each further one, however many requests it has.

    Args:
        clock: the clock of the test.
        tokens: tokens per answer.
        failures: the kind of the failure of the requests with these numbers, in the order of their sending.
        dies_s: when the server ends; None = never.
        reports: whether it reports how many tokens there are.
    """

    def __init__(
        self,
        clock: FakeClock,
        tokens: int = 4,
        failures: Mapping[int, FailureKind] | Callable[[int], FailureKind | None] | None = None,
        dies_s: float | None = None,
        reports: bool = True,
    ) -> None:
        self._clock, self._tokens, self._dies_s, self._reports = clock, tokens, dies_s, reports
        self._failure_of = failures.get if isinstance(failures, Mapping) else failures or (lambda number: None)
        self.asked: list[Asked] = []
        self.sent_s: list[float] = []
        self.in_flight = self.most_in_flight = 0
        self.closed = 0

    async def ask(self, asked: Asked, due_s: float) -> Answer:
        number, sent_s = len(self.asked), self._clock.now()
        self.asked.append(asked)
        self.sent_s.append(sent_s)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        times_s: list[float] = []
        try:
            kind = await self._answer(number, times_s)
        except asyncio.CancelledError:
            kind = "cancelled"
        finally:
            self.in_flight -= 1
        return self._over(asked, due_s, sent_s, times_s, kind)

    async def _answer(self, number: int, times_s: list[float]) -> FailureKind | None:
        kind = self._failure_of(number)
        if kind == "timeout":
            await asyncio.sleep(60.0)
        for step in range(self._tokens):
            if self._is_dead():
                await asyncio.sleep(0.001)
                return "reset" if step else "refused"
            if kind is not None:
                await asyncio.sleep(0.25)
                return kind
            await asyncio.sleep(STEP_S if step else PREFILL_S)
            if not self._is_dead():
                times_s.append(self._clock.now())
        return None

    def _is_dead(self) -> bool:
        return self._dies_s is not None and self._clock.now() >= self._dies_s

    def _over(
        self, asked: Asked, due_s: float, sent_s: float, times_s: Sequence[float], kind: FailureKind | None
    ) -> Answer:
        count = len(times_s) if self._reports else None
        return Answer(
            prompt_index=asked.prompt_index,
            due_s=due_s,
            sent_s=sent_s,
            finished_s=self._clock.now(),
            event_times_s=tuple(times_s),
            event_tokens=tuple(range(1, len(times_s) + 1)) if self._reports else (),
            texts=("word ",) * len(times_s),
            n_events=len(times_s),
            input_tokens=7 if self._reports and kind is None else None,
            output_tokens=count,
            counted_by="server" if self._reports else None,
            counts_are_reported=self._reports,
            cached_tokens=2 if self._reports and kind is None else None,
            end="length",
            failure=None if kind is None else Failure(kind, f"it was {kind}", 429 if kind == "status_429" else None),
        )

    async def close(self) -> None:
        assert self.in_flight == 0, "closed with requests in flight"
        self.closed += 1


def a_request(index: int, ids: Sequence[int], max_new_tokens: int | None, number: int) -> Asked:
    """A request that can be read in a test."""
    return Asked(index, f"{number}: prompt {index} of {len(ids)} tokens, {max_new_tokens}".encode())


def a_loaded_server(**fields: Any) -> LoadedServer:
    """A server that is running."""
    known: dict[str, Any] = {
        "url": "http://127.0.0.1:8000/v1", "headers": {}, "served_model": "m", "engine": "unknown",
        "tokenizer": CountingTokenizer(), "info": ModelInfo(name="m", device="cpu"), "architecture": {},
    }  # fmt: skip
    return LoadedServer(**{**known, **fields})


def an_engine(
    server: FakeServer,
    clock: FakeClock,
    loop: FakeLoop | None = None,
    fields: Mapping[str, Any] | None = None,
    min_duration_s: float | None = None,
    **traffic: Any,
) -> ServerEngine:
    """An engine for a fake server.

    Args:
        server: answers.
        clock: the clock of the test.
        loop: the event loop; None = one on this clock.
        fields: further fields of `LoadedServer`.
        min_duration_s: shortest duration of the window in s.
        traffic: the section of the configuration.
    """
    config = ExperimentConfig(
        model="m",
        backend="server",
        server={"url": "http://127.0.0.1:8000/v1"},
        traffic=traffic,
        max_output_tokens=4,
        min_duration_seconds=min_duration_s,
    )
    return ServerEngine(
        a_loaded_server(**(fields or {})), config, clock, lambda: server, a_request, loop or FakeLoop(clock)
    )
