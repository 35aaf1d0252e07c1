"""A server as an engine: its prompts are requests, and its window lies inside the traffic on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.server.client.asked import Asked, AsksServer
from llenergymeasure.core.backends.server.loaded import LoadedServer
from llenergymeasure.core.backends.server.traffic.load import Load, Stretch
from llenergymeasure.core.backends.server.traffic.loop import Loop, LoopThread
from llenergymeasure.core.backends.server.traffic.pace import pace_of
from llenergymeasure.core.backends.server.traffic.records import StretchOutput
from llenergymeasure.core.backends.server.traffic.request_log import RequestLog
from llenergymeasure.core.backends.server.traffic.sender import Sender
from llenergymeasure.domain.environment import CudaFacts
from llenergymeasure.protocols import Clock


@dataclass(frozen=True)
class Prompt:
    """One prompt; the server decides what runs together."""

    index: int
    ids: tuple[int, ...]

    @property
    def prompt_indices(self) -> tuple[int, ...]:
        return (self.index,)

    @property
    def padded_length(self) -> int:
        return len(self.ids)


# The arguments: index of the prompt, its ids, the most new tokens (None = as configured), and a number
# that no other request of this engine has.
MakesRequest = Callable[[int, Sequence[int], int | None, int], Asked]


class ServerEngine:
    """A server that answers.

    Args:
        server: the server, which is released with the engine.
        config: the configuration.
        clock: the clock of the measurement.
        client: makes the client; called inside the event loop.
        request: makes a request.
        loop: the event loop; None = one in a thread of its own.
    """

    def __init__(
        self,
        server: LoadedServer,
        config: ExperimentConfig,
        clock: Clock,
        client: Callable[[], AsksServer],
        request: MakesRequest,
        loop: Loop | None = None,
    ) -> None:
        self.server, self.info, self.tokenizer = server, server.info, server.tokenizer
        self.architecture = dict(server.architecture)
        self._config, self._clock = config, clock
        self._make_client, self._request, self._loop = client, request, loop or LoopThread()
        self._client: AsksServer | None = None
        self._load: Load | None = None  # the last one
        self._traffic: Load | None = None  # the one that the window lies in
        self._last_pass: RequestLog | None = None  # where each pass of the window has a load of its own
        self._numbers = count()
        self._is_released = False

    @property
    def is_steady(self) -> bool:
        return self._config.traffic_settings.effective_window == "steady_state"

    def prepare(self, token_ids: Sequence[Sequence[int]]) -> tuple[Prompt, ...]:
        """One batch per prompt. Its request is made once, so that whatever this takes is kept for those in the window."""
        prompts = tuple(Prompt(index, tuple(ids)) for index, ids in enumerate(token_ids))
        for prompt in prompts:
            self._request(prompt.index, prompt.ids, None, next(self._numbers))
        return prompts

    def ramp_up(self, batches: Sequence[Any]) -> None:
        load = self._traffic = self._new_load(batches, None, None, RequestLog())
        answers = self._config.traffic_settings.effective_ramp_up_requests(len(batches))
        self._loop.call(partial(load.ramp_up, answers))

    def run(self, batches: Sequence[Any], max_new_tokens: int | None = None) -> StretchOutput:
        """The next stretch of the traffic. Without traffic: all of the requests, until the last has ended."""
        n = len(batches)
        if self._traffic is not None:
            return self._output(self._traffic, self._loop.call(partial(self._traffic.stretch, n)), batches)
        is_warm_up = max_new_tokens is not None
        is_pass = not is_warm_up and self._config.min_duration_seconds is not None
        log = RequestLog(self._last_pass if is_pass else None)
        load = self._new_load(batches, max_new_tokens, n, log)
        stretch = self._loop.call(partial(load.whole, n))
        if is_pass:
            self._last_pass = log  # another one may follow, and the window is checked as a whole
        else:
            load.check(" of the warm-up" if is_warm_up else "")
        return self._output(load, stretch, batches)

    def drain(self) -> None:
        load, self._traffic = self._traffic, None
        if load is not None:
            self._loop.call(load.drain)

    def _new_load(
        self,
        batches: Sequence[Prompt],
        max_new_tokens: int | None,
        limit: int | None,
        log: RequestLog,
    ) -> Load:
        """A load that has not begun; its prompts are used in order, again and again."""
        if self._is_released:
            raise RuntimeError("the engine was released")

        def asked(number: int) -> Asked:
            prompt = batches[number % len(batches)]
            return self._request(prompt.index, prompt.ids, max_new_tokens, next(self._numbers))

        sender = Sender(self._loop.call(self._connected), asked, self._clock, log, limit)
        self._load = Load(sender, pace_of(self._config.traffic_settings, self._config.random_seed), self.server)
        return self._load

    def _output(self, load: Load, stretch: Stretch, batches: Sequence[Prompt]) -> StretchOutput:
        lengths = {prompt.index: len(prompt.ids) for prompt in batches}
        return StretchOutput(stretch, load.answers, lengths, self.server.tokenizer)

    async def _connected(self) -> AsksServer:
        if self._client is None:
            self._client = self._make_client()
        return self._client

    async def _disconnect(self) -> None:
        if self._load is not None:
            await self._load.cancel()
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def synchronise(self) -> None:
        """Nothing: a server does not report when its devices are idle, and inside the traffic they never are."""

    def reset_peak_memory(self) -> None:
        """Nothing: the memory is that of the server's processes."""

    def peak_memory_mb(self) -> tuple[float | None, str]:
        return None, "a server does not report it"

    def cuda_facts(self) -> CudaFacts | None:
        return None

    def host_threads(self) -> int | None:
        return None

    def release(self) -> None:
        self._is_released, self._traffic = True, None
        if self._load is not None:
            self._load.stop()
        try:
            if self._client is not None:
                self._loop.call(self._disconnect)
        finally:
            try:
                self._loop.close()
            finally:
                self.server.release()
