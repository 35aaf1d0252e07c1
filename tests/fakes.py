"""Stand-ins for the parts of a measurement that only this project tests. Those for others are in `llenergymeasure.testing`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.dataset import DatasetInfo
from llenergymeasure.domain.environment import EnvironmentSnapshot
from llenergymeasure.domain.measurements import HostResult
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.protocols import InferenceEngine, Tokenizer, Window
from llenergymeasure.records import BatchRecord, RequestRecord, Saved
from llenergymeasure.testing import FakeBatch, FakeEngine, FakeOutput, Log


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


class SchedulingEngine(FakeEngine):
    """Gets all prompts at once and runs two at a time: 0.1 s of prefill and 0.01 s per further token each."""

    lanes = 2

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.info = self.info.model_copy(
            update={"backend": "scheduling", "batch_size": None, "max_num_seqs": self.lanes}
        )

    def prepare(self, token_ids: Sequence[Sequence[int]]) -> list[FakeBatch]:
        return [FakeBatch(tuple(range(len(token_ids))), tuple(map(len, token_ids)))]

    def _output(self, batches: Sequence[FakeBatch], records: tuple[BatchRecord, ...], tokens: int) -> FakeOutput:
        (batch,), (record,) = batches, records
        ends_s = [record.started_s] * self.lanes
        requests = []
        for index, length in zip(batch.prompt_indices, batch.lengths):
            lane = index % self.lanes
            times_s = [ends_s[lane] + self.prefill_s + step * self.step_s for step in range(tokens)]
            requests.append(
                RequestRecord(
                    prompt_index=index, input_tokens=length, output_tokens=tokens, queued_s=record.started_s,
                    scheduled_s=ends_s[lane], first_token_s=times_s[0], finished_s=times_s[-1],
                    token_times_s=tuple(times_s), token_counts=tuple(range(1, tokens + 1)), end="length",
                )
            )  # fmt: skip
            ends_s[lane] = times_s[-1]
        self._clock.sleep(max(max(ends_s) - self._clock.now(), 0.0))
        return FakeOutput((), tuple(requests))


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
