"""Your own backend, measured by the same harness: an engine that generates by copying its prompt.

Question: How do I measure my own inference engine?
Time: seconds.
Needs: nothing, not even torch.

python examples/own_backend.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llenergymeasure import ExperimentConfig, ExperimentResult
from llenergymeasure.core.collect.host import HostCollector
from llenergymeasure.core.collect.latency import LatencyCollector, MemoryCollector, PhaseCollector, TokenCollector
from llenergymeasure.core.energy.null import NullMeter
from llenergymeasure.core.flops.collectors import PalmFlopsCollector
from llenergymeasure.core.harness import open_experiment
from llenergymeasure.core.instruments import Instruments
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.machine.environment import take_snapshot
from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.domain.energy import MeterChoice
from llenergymeasure.domain.measurements import ModelInfo
from llenergymeasure.exceptions import BackendError
from llenergymeasure.protocols import Clock, Metering
from llenergymeasure.records import RequestRecord, RunRecords


class WordTokenizer:
    """One token per word."""

    vocab_size = 50_000
    special_ids = frozenset({0})
    bos_id = None

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[1 + sum(map(ord, word)) % 49_999 for word in text.split()] for text in texts]

    def encode_chat(self, texts: Sequence[str]) -> list[list[int]]:
        raise BackendError("this backend has no chat template; set apply_chat_template: false")


@dataclass(frozen=True)
class Prompt:
    """A batch with one prompt."""

    prompt_indices: tuple[int, ...]
    ids: tuple[int, ...]

    @property
    def padded_length(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Copies:
    """The output of a run, already on the host."""

    requests: tuple[RequestRecord, ...]

    def records(self) -> RunRecords:
        return RunRecords(self.requests)


class CopyEngine:
    """Generates by copying the prompt."""

    architecture: dict[str, Any] = {}
    tokenizer = WordTokenizer()

    def __init__(self, config: ExperimentConfig, clock: Clock) -> None:
        self._limit, self._clock = config.output_limit, clock
        self.info = ModelInfo(name=config.model, backend="copy", device="cpu", dtype="integer")

    def prepare(self, token_ids: Sequence[Sequence[int]]) -> list[Prompt]:
        return [Prompt((index,), tuple(ids)) for index, ids in enumerate(token_ids)]

    def run(self, batches: Sequence[Any], max_new_tokens: int | None = None) -> Copies:
        return Copies(tuple(self._copy(batch, max_new_tokens or self._limit) for batch in batches))

    def _copy(self, batch: Prompt, limit: int) -> RequestRecord:
        started_s, times, output = self._clock.now(), [], []
        for step in range(limit):
            output.append(batch.ids[step % len(batch.ids)])
            times.append(self._clock.now())
        return RequestRecord(
            prompt_index=batch.prompt_indices[0],
            input_tokens=len(batch.ids),
            output_tokens=limit,
            scheduled_s=started_s,
            finished_s=times[-1],
            output_ids=tuple(output),
            first_token_s=times[0],
            token_times_s=tuple(times),
            token_counts=tuple(range(1, limit + 1)),
        )

    def synchronise(self) -> None:
        """There is no device."""

    def reset_peak_memory(self) -> None:
        """The peak memory of this engine is unknown."""

    def peak_memory_mb(self) -> tuple[float | None, str]:
        return None, "this engine does not report it"

    def cuda_facts(self) -> None:
        return None

    def host_threads(self) -> int | None:
        return 1

    def release(self) -> None:
        """There is nothing to release."""


@dataclass(frozen=True)
class CopyLoader:
    """Loads nothing."""

    clock: Clock

    def load(self, config: ExperimentConfig) -> CopyEngine:
        return CopyEngine(config, self.clock)


def measure(config: ExperimentConfig) -> ExperimentResult:
    """One window of the engine, without energy."""
    clock = SystemClock()
    meter = NullMeter()
    instruments = Instruments(
        metering=Metering(meter, MeterChoice(name=meter.name, reason=meter.reason)),
        prompts=open_dataset(config.dataset, config.n, config.random_seed),
        snapshot=lambda engine: take_snapshot(),
        collectors=(
            TokenCollector(), LatencyCollector(), PhaseCollector(), MemoryCollector(), HostCollector(), PalmFlopsCollector(),
        ),
        clock=clock,
    )  # fmt: skip
    with open_experiment(config, CopyLoader(clock), instruments) as experiment:
        return experiment.measure()


if __name__ == "__main__":
    quick = {"baseline": {"enabled": False}, "warmup": {"thermal_floor_seconds": 0}, "energy": {"backend": "null"}}
    print(measure(ExperimentConfig(model="copy", n=20, max_output_tokens=50, **quick)).summary())
