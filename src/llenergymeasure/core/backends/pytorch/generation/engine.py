"""Generates with a loaded transformers model, and records every token and the time of every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.pytorch.compilation import CompilationLog, forget_compiled_code
from llenergymeasure.core.backends.pytorch.faults import explained
from llenergymeasure.core.backends.pytorch.generation.ends import Ends
from llenergymeasure.core.backends.pytorch.generation.timing import Anchor, StepTimer
from llenergymeasure.core.backends.pytorch.generation.versions import cuda_versions
from llenergymeasure.core.backends.pytorch.library import quiet_transformers
from llenergymeasure.core.backends.pytorch.memory import CudaMemory, ProcessMemory
from llenergymeasure.core.backends.pytorch.placement import input_device
from llenergymeasure.core.backends.pytorch.tokens import TransformersTokenizer
from llenergymeasure.core.gc_control import collect_garbage
from llenergymeasure.domain.environment import CudaFacts
from llenergymeasure.domain.measurements import ModelInfo
from llenergymeasure.protocols import Clock
from llenergymeasure.records import BatchRecord, RunRecords, requests_of


@dataclass(frozen=True)
class TensorBatch:
    """Left-padded prompts on the device. `input_ids` and `attention_mask`: [rows, padded_length]."""

    prompt_indices: tuple[int, ...]
    lengths: tuple[int, ...]
    input_ids: torch.Tensor
    attention_mask: torch.Tensor

    @property
    def padded_length(self) -> int:
        return int(self.input_ids.shape[1])


@dataclass(frozen=True)
class GeneratedBatch:
    """What one `generate` call returned. `sequences`: [rows, padded_length + steps], still on the device."""

    batch: TensorBatch
    sequences: torch.Tensor
    timer: StepTimer
    started_s: float
    finished_s: float
    compilations: int
    compiling_s: float


@dataclass(frozen=True)
class GeneratedRun:
    """The output of a run."""

    batches: tuple[GeneratedBatch, ...]
    anchor: Anchor
    ends: Ends
    beams: bool

    def records(self) -> RunRecords:
        batches = tuple(self._batch(generated) for generated in self.batches)
        by_batch = (
            requests_of(batch, number, generated.batch.lengths, self._output_ids(generated), known_at_end=self.beams)
            for number, (batch, generated) in enumerate(zip(batches, self.batches))
        )
        return RunRecords(tuple(chain.from_iterable(by_batch)), batches)

    def _output_ids(self, generated: GeneratedBatch) -> tuple[tuple[int, ...], ...]:
        return self.ends.output_ids(generated.sequences, generated.batch.padded_length)

    def _batch(self, generated: GeneratedBatch) -> BatchRecord:
        batch, start = generated.batch, generated.batch.padded_length
        return BatchRecord(
            prompt_indices=batch.prompt_indices,
            padded_length=start,
            started_s=generated.started_s,
            finished_s=generated.finished_s,
            step_times_s=self.anchor.host_times(generated.timer.marks),
            step_tokens=tuple(length - start for length in generated.timer.lengths),
            compilations=generated.compilations,
            compiling_s=generated.compiling_s,
        )


class TransformersEngine:
    """A loaded model and its tokenizer."""

    def __init__(
        self,
        model: Any,
        tokenizer: TransformersTokenizer,
        info: ModelInfo,
        arguments: dict[str, Any],
        config: ExperimentConfig,
        clock: Clock,
        give_back: Callable[[], None],
    ) -> None:
        self._model: Any = model
        self._give_back = give_back
        self._config = config
        self._clock = clock
        self._cuda_devices = tuple(device for device in info.devices if device.startswith("cuda"))
        self._memory = CudaMemory(self._cuda_devices) if self._cuda_devices else ProcessMemory()
        self._arguments = arguments
        self._has_compiled = False
        self._ends = Ends.of(info.effective_settings, tokenizer)
        self.info = info
        self.tokenizer = tokenizer

    @property
    def architecture(self) -> dict[str, Any]:
        facts: dict[str, Any] = self._model.config.to_dict()
        return facts

    def prepare(self, token_ids: Sequence[Sequence[int]]) -> tuple[TensorBatch, ...]:
        section = self._config.pytorch_settings
        order = list(range(len(token_ids)))
        if section.effective_batching_strategy == "dynamic":
            order.sort(key=lambda index: len(token_ids[index]))
        return tuple(
            self._padded(indices, [token_ids[index] for index in indices])
            for indices in in_groups(order, section.effective_batch_size)
        )

    def _padded(self, indices: Sequence[int], rows: Sequence[Sequence[int]]) -> TensorBatch:
        width, pad = max(map(len, rows)), self.tokenizer.pad_id
        ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in rows])
        mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
        device = input_device(self._model)
        return TensorBatch(tuple(indices), tuple(map(len, rows)), ids.to(device), mask.to(device))

    def run(self, batches: Sequence[Any], max_new_tokens: int | None = None) -> GeneratedRun:
        arguments = self._arguments if max_new_tokens is None else self._shortened(max_new_tokens)
        torch.manual_seed(self._config.random_seed)
        anchor = Anchor(self._clock, bool(self._cuda_devices))
        log = CompilationLog(self._clock)
        with (
            quiet_transformers(),
            explained("generating", self._config, self.info.model_generation_defaults),
            log.open(),
        ):
            generated = tuple(self._generate(batch, arguments, log) for batch in batches)
            self.synchronise()
        self._has_compiled = self._has_compiled or log.count > 0
        return GeneratedRun(generated, anchor, self._ends, self._config.decoder.decoding_strategy == "beam")

    def _generate(self, batch: TensorBatch, arguments: dict[str, Any], log: CompilationLog) -> GeneratedBatch:
        timer = StepTimer(self._clock, bool(self._cuda_devices))
        count, seconds = log.count, log.seconds
        started_s = self._clock.now()
        sequences = self._model.generate(
            input_ids=batch.input_ids, attention_mask=batch.attention_mask, stopping_criteria=[timer], **arguments
        )
        finished_s = self._clock.now()
        return GeneratedBatch(batch, sequences, timer, started_s, finished_s, log.count - count, log.seconds - seconds)

    def _shortened(self, max_new_tokens: int) -> dict[str, Any]:
        limit = min(max_new_tokens, self._config.output_limit)
        return {**self._arguments, "max_new_tokens": limit, "min_new_tokens": limit}

    def synchronise(self) -> None:
        for device in self._cuda_devices:
            torch.cuda.synchronize(device)

    def reset_peak_memory(self) -> None:
        self._memory.reset()

    def peak_memory_mb(self) -> tuple[float | None, str]:
        return self._memory.peak_mb()

    def cuda_facts(self) -> CudaFacts | None:
        return cuda_versions() if self._cuda_devices else None

    def host_threads(self) -> int | None:
        return int(torch.get_num_threads())

    def release(self) -> None:
        if self._model is None:
            return
        self._model = None
        self._arguments = {}
        give_back, self._give_back = self._give_back, _already_released
        give_back()
        del give_back  # it refers to the model, which must be deleted before its memory can be freed
        if self._has_compiled:
            forget_compiled_code()
        free_memory(bool(self._cuda_devices))


def free_memory(on_cuda: bool) -> None:
    """Free the memory of released models, also on the device."""
    collect_garbage()
    if on_cuda:
        torch.cuda.empty_cache()


def _already_released() -> None:
    """The model was already released."""


def in_groups(order: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Consecutive groups of `size`; the last may be smaller."""
    for start in range(0, len(order), size):
        yield order[start : start + size]
