"""The time of every token, as the engine stamps it.

vLLM gives each step's tokens with one stamp of the monotonic clock, taken when they were known. A request's own statistics
have only the stamps of its first and its last token, so the outputs of the steps are read on their way to vLLM's own
processing. `benchmarks/vllm_engine.py` compares such a run with one of vLLM alone.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from llenergymeasure.protocols import Clock


@dataclass
class TokenTimes:
    """The tokens of one request: when some were there, and how many there were then."""

    times_s: array[float] = field(default_factory=lambda: array("d"))
    counts: array[int] = field(default_factory=lambda: array("q"))

    def add(self, time_s: float, tokens: int) -> None:
        """Add new tokens."""
        self.times_s.append(time_s)
        self.counts.append((self.counts[-1] if self.counts else 0) + tokens)

    def up_to(self, tokens: int) -> tuple[tuple[float, ...], tuple[int, ...]]:
        """Times and counts of the first tokens.

        After the text that ends an answer, vLLM drops the rest of the step, and with several devices also the steps that its
        processes made until they knew of the end.
        """
        used = bisect_left(self.counts, tokens) + 1
        return tuple(self.times_s[:used]), tuple(min(count, tokens) for count in self.counts[:used])


@dataclass
class StepLog:
    """What the steps of a run gave, on the engine's clock.

    Attributes:
        tokens: the tokens of each request, by vLLM's own id.
        cache_queries: prompt tokens that were looked up in the prefix cache.
        cache_hits: those of them that were found.
        cache_usage: largest share (0 to 1) of the KV cache in use after a step; None when no step reported it.
    """

    tokens: defaultdict[str, TokenTimes] = field(default_factory=lambda: defaultdict(TokenTimes))
    cache_queries: int = 0
    cache_hits: int = 0
    cache_usage: float | None = None

    def add(self, outputs: Any) -> None:
        """Add the outputs of one step."""
        for output in outputs.outputs:
            if output.new_token_ids:
                self.tokens[output.request_id].add(outputs.timestamp, len(output.new_token_ids))
        stats = outputs.scheduler_stats
        if stats is not None:
            self.cache_queries += stats.prefix_cache_stats.queries
            self.cache_hits += stats.prefix_cache_stats.hits
            self.cache_usage = max(self.cache_usage or 0.0, stats.kv_cache_usage)


@contextmanager
def logged(client: Any) -> Iterator[StepLog]:
    """Log the outputs of the engine's steps in the block.

    Args:
        client: vLLM's client of its engine core, from which `LLMEngine.step` takes the outputs of a step.
    """
    log, get_output = StepLog(), client.get_output

    def read() -> Any:
        outputs = get_output()
        log.add(outputs)
        return outputs

    client.get_output = read
    try:
        yield log
    finally:
        client.get_output = get_output


def to_clock(clock: Clock, now: Callable[[], float]) -> Callable[[float], float]:
    """Convert stamps of the engine to the clock of the measurement; on Linux both are the same.

    Args:
        clock: the clock of the measurement.
        now: the engine's clock.
    """
    before_s, engine_s, after_s = clock.now(), now(), clock.now()
    if before_s <= engine_s <= after_s:
        return lambda stamp_s: stamp_s
    shift_s = (before_s + after_s) / 2 - engine_s
    return lambda stamp_s: stamp_s + shift_s
