"""An engine with known times, for tests that need no model: work takes time on a `FakeClock`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.measurements import ModelInfo
from llenergymeasure.exceptions import BackendError
from llenergymeasure.protocols import Tokenizer
from llenergymeasure.records import BatchRecord, RequestRecord, RunRecords, requests_of
from llenergymeasure.testing.clock import FakeClock, Log


class FakeTokenizer:
    """One token per word: its length plus 10."""

    vocab_size = 1000
    special_ids = frozenset({0, 1, 2})

    bos_id = 1

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[10 + len(word) for word in text.split()] for text in texts]

    def encode_chat(self, texts: Sequence[str]) -> list[list[int]]:
        """The template: beginning, user, the text, end, assistant."""
        return [
            [1, 5, *(ord(text[0]) if len(text) == 1 else 10 + len(text) for text in text.split()), 6, 7]
            for text in texts
        ]


@dataclass(frozen=True)
class FakeBatch:
    """Prompts of a fake engine."""

    prompt_indices: tuple[int, ...]
    lengths: tuple[int, ...]

    @property
    def padded_length(self) -> int:
        return max(self.lengths)


@dataclass(frozen=True)
class FakeOutput:
    """Records that are already on the host."""

    batches: tuple[BatchRecord, ...]
    requests: tuple[RequestRecord, ...]

    def records(self) -> RunRecords:
        return RunRecords(self.requests, self.batches)


class FakeEngine:
    """Every batch takes 0.1 s of prefill and 0.01 s per further token, and 2 CPU seconds per second."""

    prefill_s = 0.1
    step_s = 0.01

    def __init__(
        self,
        config: ExperimentConfig,
        clock: FakeClock,
        log: Log | None = None,
        fail_in_run: int | None = None,
        step_times: Sequence[float] | None = None,
    ) -> None:
        self._config, self._clock, self._log = config, clock, log or Log()
        self._runs, self._fail_in_run = 0, fail_in_run
        self._step_times = step_times
        self.released = 0
        self.tokenizer: Tokenizer = FakeTokenizer()
        self.info = ModelInfo(
            name=config.model, device="cpu", devices=("cpu",), dtype="bfloat16", n_parameters=1100,
            n_matmul_parameters=1000, memory_mb=12.5, batch_size=self.batch_size, notes=("a note",),
        )  # fmt: skip
        self.architecture: dict[str, Any] = {}

    @property
    def batch_size(self) -> int:
        return (self._config.pytorch.batch_size if self._config.pytorch else None) or 1

    def prepare(self, token_ids: Sequence[Sequence[int]]) -> list[FakeBatch]:
        self._log("engine.prepare")
        size = self.batch_size
        return [
            FakeBatch(
                tuple(range(start, min(start + size, len(token_ids)))), tuple(map(len, token_ids[start : start + size]))
            )
            for start in range(0, len(token_ids), size)
        ]

    def run(self, batches: Sequence[FakeBatch], max_new_tokens: int | None = None) -> FakeOutput:
        self._log("engine.run" if max_new_tokens is None else f"engine.run warm-up of {max_new_tokens}")
        self._runs += 1
        if self._fail_in_run == self._runs:
            raise BackendError("the device is on fire; use a bucket")
        limit = self._config.output_limit
        tokens = limit if max_new_tokens is None else min(max_new_tokens, limit)
        return self._output(batches, tuple(self._generate(batch, tokens) for batch in batches), tokens)

    def _output(self, batches: Sequence[FakeBatch], records: tuple[BatchRecord, ...], tokens: int) -> FakeOutput:
        ids, beams = range(10, 10 + tokens), self._config.decoder.decoding_strategy == "beam"
        requests = (
            requests_of(record, number, batch.lengths, [ids] * len(batch.lengths), beams)
            for number, (batch, record) in enumerate(zip(batches, records))
        )
        return FakeOutput(records, tuple(chain.from_iterable(requests)))

    def _generate(self, batch: FakeBatch, tokens: int) -> BatchRecord:
        start_s = self._clock.now()
        factor = self._step_times[(self._runs - 1) % len(self._step_times)] if self._step_times else 1.0
        times = tuple(start_s + factor * (self.prefill_s + step * self.step_s) for step in range(tokens))
        self._clock.sleep(times[-1] - start_s)
        self._clock.cpu += 2 * (times[-1] - start_s)
        return BatchRecord(
            prompt_indices=batch.prompt_indices,
            padded_length=batch.padded_length,
            started_s=start_s,
            finished_s=times[-1],
            step_times_s=times,
            step_tokens=tuple(range(1, tokens + 1)),
        )

    def synchronise(self) -> None:
        self._log("engine.synchronise")

    def reset_peak_memory(self) -> None:
        self._log("engine.reset_peak_memory")

    def peak_memory_mb(self) -> tuple[float | None, str]:
        self._log("engine.peak_memory_mb")
        return 42.0, "fake"

    def host_threads(self) -> int | None:
        return 2

    def cuda_facts(self) -> None:
        return None

    def release(self) -> None:
        self._log("engine.release")
        self.released += 1


class FakeLoader:
    """Loads one fake engine."""

    def __init__(self, clock: FakeClock, log: Log | None = None, fail: bool = False, **engine: Any) -> None:
        self._clock, self._log, self._fail, self._engine = clock, log or Log(), fail, engine
        self.engine: FakeEngine | None = None

    def load(self, config: ExperimentConfig) -> FakeEngine:
        self._log("loader.load")
        if self._fail:
            raise BackendError("no such weights; name a model that exists")
        self.engine = FakeEngine(config, self._clock, self._log, **self._engine)
        return self.engine
