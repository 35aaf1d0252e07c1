"""Stand-ins for every part of a measurement, with numbers that can be checked by hand.

Time passes only when a caller sleeps or works; every call is recorded in `Log.lines`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import chain
from pathlib import Path
from typing import Any

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.dataset import DatasetInfo
from llenergymeasure.domain.energy import EnergyReading, MeterChoice
from llenergymeasure.domain.environment import EnvironmentSnapshot
from llenergymeasure.domain.measurements import HostResult, ModelInfo
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import BackendError, MeterError
from llenergymeasure.protocols import InferenceEngine, Metering, Tokenizer, Window
from llenergymeasure.records import BatchRecord, RequestRecord, RunRecords, Saved, requests_of

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)


@dataclass
class Log:
    """The calls, in order."""

    lines: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        self.lines.append(line)


class FakeClock:
    """A clock that advances only when a caller sleeps."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.cpu = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def utc_now(self) -> datetime:
        return START + timedelta(seconds=self.seconds - 100.0)

    def cpu_seconds(self) -> float:
        return self.cpu


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


class FakeWindow:
    """A window of a `FakeMeter`."""

    def __init__(self, meter: FakeMeter) -> None:
        self._meter = meter

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        self._meter.log("meter.close")
        if self._meter.failing:
            raise MeterError("GPU is lost")
        joules = self._meter.power_w * (end_s - start_s)
        return EnergyReading(
            meter=self._meter.name, energy_j=joules, per_device_j={"GPU-0": joules}, method="counter",
            uncertainty_j=0.05 * joules, n_readings=round((end_s - start_s) / 0.1), crosscheck_j=joules,
        )  # fmt: skip

    def abandon(self) -> None:
        self._meter.log("meter.abandon")


class FakeMeter:
    """A meter of constant power: 100 W for 2 s is 200 J."""

    name = "fake"
    devices = ("GPU-0",)

    def __init__(self, power_w: float = 100.0, log: Log | None = None, failing: bool = False) -> None:
        self.power_w, self.log, self.failing = power_w, log or Log(), failing
        self.released = 0

    def open_window(self) -> FakeWindow:
        self.log("meter.open_window")
        return FakeWindow(self)

    def release(self) -> None:
        self.released += 1


def metering(meter: Any) -> Metering:
    """The choice of the meter."""
    return Metering(meter, MeterChoice(name=meter.name, reason="handed in by a test"))


class FakePrompts:
    """Prompts of 1, 2, 3, ... tokens."""

    def __init__(self, n: int) -> None:
        self._n = n
        self.info = DatasetInfo(name="fake", source="jsonl", version=None, sha256="0" * 64, n_available=n, n_used=n)

    def __len__(self) -> int:
        return self._n

    def token_ids(self, tokenizer: Tokenizer) -> list[list[int]]:
        return [[10] * (index + 1) for index in range(self._n)]

    def closing_length(self, tokenizer: Tokenizer) -> int:
        return 0


class FakeHost:
    """A host collector that reads nothing."""

    block = "host"

    def __init__(self, log: Log | None = None) -> None:
        self._log = log or Log()

    def arm(self, engine: InferenceEngine) -> None:
        self._log("collector.arm")

    def stop(self, engine: InferenceEngine) -> None:
        self._log("collector.stop")

    def collect(self, window: Window) -> Frozen:
        self._log("collector.collect")
        return HostResult(cpu_seconds=window.cpu_seconds)


class RecordingProgress:
    """Records what it received."""

    def __init__(self, log: Log | None = None) -> None:
        self._log = log or Log()
        self.notes: list[str] = []
        self.steps: list[str] = []
        self.waited_s = 0.0

    def step(self, text: str, seconds: float | None = None) -> None:
        self.steps.append(text)

    def advance(self, seconds: float) -> None:
        self.waited_s += seconds

    def note(self, text: str) -> None:
        self.notes.append(text)

    def done(self) -> None:
        self._log("progress.done")


class MemoryRepository:
    """Results in a dictionary."""

    def __init__(self) -> None:
        self.results: dict[Path, ExperimentResult] = {}

    def save(self, result: ExperimentResult) -> Saved:
        place = Path(f"result-{len(self.results)}")
        self.results[place] = result
        return Saved(place, result)

    def load(self, place: Path) -> ExperimentResult:
        return self.results[place]


def a_snapshot(engine: InferenceEngine | None = None) -> EnvironmentSnapshot:
    """The environment of a machine without a GPU."""
    from llenergymeasure.core.machine.environment import take_snapshot

    return take_snapshot()
