"""What one small model shows: our run against a loop of one's own, our operations against torch's, our estimate against bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.utils.flop_counter import FlopCounterMode

from llenergymeasure import ExperimentConfig, ExperimentResult, run_experiment
from llenergymeasure.core.backends.pytorch.loading import TransformersLoader
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.orchestration.model.vram import estimate_for

MEGABYTE = 1e6
PROMPTS, ROWS, INPUT_TOKENS, OUTPUT_TOKENS = 4, 2, 24, 6


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        architecture: `model_type`.
        model_class: transformers' class.
        ids_equal: our greedy ids are those of a loop of one's own.
        tokens_equal: the result's input and output tokens are those of that loop.
        flops_exact: ours; None when it is not known.
        why_unknown: why it is not.
        flops_counted: torch's count of the same work; it misses kernels that it does not know.
        weights_ratio: estimated over real bytes of the weights; None without an estimate.
        cache_ratio: estimated over real bytes of the KV cache and other states; None without an estimate.
    """

    architecture: str
    model_class: str
    ids_equal: bool
    tokens_equal: bool
    flops_exact: int | None
    why_unknown: str | None
    flops_counted: int
    weights_ratio: float | None
    cache_ratio: float | None


def row_of(name: str, folder: Path) -> Row:
    """Measure the model in a folder in every way."""
    config = _config(folder)
    loop = Loop(folder, config)
    loop.run()
    result = run_experiment(config)
    estimate = estimate_for(config, os.environ)
    flops = result.flops_architecture
    return Row(
        architecture=name,
        model_class=type(loop.model).__name__,
        ids_equal=_our_ids(config) == loop.output_ids,
        tokens_equal=_tokens(result) == (sum(map(len, loop.prompts)), sum(map(len, loop.output_ids))),
        flops_exact=result.flops_exact,
        why_unknown=None if result.flops_exact is not None else (flops.notes if flops else "architecture not known"),
        flops_counted=loop.flops,
        weights_ratio=_ratio(estimate.weights_mb, loop.weights_bytes),
        cache_ratio=_ratio(estimate.kv_cache_mb, loop.cache_bytes),
    )


def _config(folder: Path) -> ExperimentConfig:
    return ExperimentConfig(
        model=str(folder),
        precision="fp32",
        n=PROMPTS,
        max_input_tokens=INPUT_TOKENS,
        max_output_tokens=OUTPUT_TOKENS,
        min_output_tokens=OUTPUT_TOKENS,
        warmup={"enabled": False, "thermal_floor_seconds": 0},
        baseline={"enabled": False},
        energy={"backend": "null"},
        pytorch={"batch_size": ROWS, "device": "cpu", "attn_implementation": "eager"},
    )


def _tokens(result: ExperimentResult) -> tuple[int, int]:
    return result.input_tokens, result.output_tokens


def _ratio(estimated_mb: float | None, real_bytes: int) -> float | None:
    return None if estimated_mb is None or not real_bytes else estimated_mb * MEGABYTE / real_bytes


def _our_ids(config: ExperimentConfig) -> list[list[int]]:
    engine = TransformersLoader(SystemClock()).load(config)
    prompts = open_dataset(config.dataset, config.n, config.random_seed).token_ids(engine.tokenizer)
    records = engine.run(engine.prepare([ids[:INPUT_TOKENS] for ids in prompts])).records()
    by_prompt = {request.prompt_index: list(request.output_ids) for request in records.requests}
    return [by_prompt[index] for index in sorted(by_prompt)]


class Loop:
    """A loop of one's own over the same prompts."""

    def __init__(self, folder: Path, config: ExperimentConfig) -> None:
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
        if any("expert" in key for key in self.model.config.to_dict()) and hasattr(
            self.model, "set_experts_implementation"
        ):
            self.model.set_experts_implementation("eager")
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        texts = open_dataset(config.dataset, config.n, config.random_seed).texts
        self.prompts = [self._tokenizer(text)["input_ids"][:INPUT_TOKENS] for text in texts]
        self.output_ids: list[list[int]] = []
        self.flops = self.cache_bytes = 0
        stored = {tensor.data_ptr(): tensor.nbytes for tensor in self.model.state_dict().values()}
        self.weights_bytes = sum(stored.values())  # tied ones once; buffers that are made anew are not weights

    def run(self) -> None:
        """Generate once for the ids and the bytes of the largest cache, once more for torch's count."""
        for batch in self._batches():
            out = self._generate(batch, return_dict_in_generate=True)
            self.cache_bytes = max(self.cache_bytes, sum(_bytes_of(out.past_key_values, set())))
            self.output_ids += out.sequences[:, len(batch["input_ids"][0]) :].tolist()
            with FlopCounterMode(display=False) as counter:
                self._generate(batch)
            self.flops += counter.get_total_flops()

    def _batches(self) -> Iterator[dict[str, torch.Tensor]]:
        for start in range(0, len(self.prompts), ROWS):
            rows = self.prompts[start : start + ROWS]
            width = max(map(len, rows))
            yield {
                "input_ids": torch.tensor(
                    [[self._tokenizer.pad_token_id] * (width - len(row)) + list(row) for row in rows]
                ),
                "attention_mask": torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows]),
            }

    def _generate(self, batch: dict[str, torch.Tensor], **arguments: Any) -> Any:
        with torch.no_grad():
            return self.model.generate(
                **batch, max_new_tokens=OUTPUT_TOKENS, min_new_tokens=OUTPUT_TOKENS, do_sample=False, **arguments
            )


def _bytes_of(cache: Any, seen: set[int]) -> Iterator[int]:
    """Bytes of every tensor that a cache holds, each once."""
    if id(cache) in seen:
        return
    seen.add(id(cache))
    if isinstance(cache, torch.Tensor):
        yield cache.nbytes
    elif isinstance(cache, dict):
        for value in cache.values():
            yield from _bytes_of(value, seen)
    elif isinstance(cache, Sequence) and not isinstance(cache, str):
        for value in cache:
            yield from _bytes_of(value, seen)
    elif hasattr(cache, "__dict__") and not isinstance(cache, type):
        yield from _bytes_of(vars(cache), seen)
