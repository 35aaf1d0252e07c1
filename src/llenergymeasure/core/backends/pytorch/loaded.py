"""A loaded model, and its description in a result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.pytorch.arguments import source_of
from llenergymeasure.core.backends.pytorch.generation.settings import EffectiveSettings
from llenergymeasure.core.backends.pytorch.parameters.count import count_parameters, quantization_of
from llenergymeasure.core.backends.pytorch.placement import kind_of
from llenergymeasure.core.backends.pytorch.tokens import TransformersTokenizer
from llenergymeasure.core.backends.pytorch.weights import SHOWN
from llenergymeasure.core.model_limits import limits_of
from llenergymeasure.domain.measurements import ModelInfo

MEGABYTE = 1e6


@dataclass(frozen=True)
class LoadedModel:
    """The parts that experiments with the same load settings share.

    Attributes:
        model: the model, ready to generate.
        unexpected: tensors of the checkpoint and of the adapter that the model does not use.
        draft: the draft model; None without one.
        tokenizer: the model's tokenizer.
        devices: every device that stores or computes a part of the model.
        load_seconds: duration of loading.
    """

    model: Any
    unexpected: tuple[str, ...]
    draft: Any | None
    tokenizer: TransformersTokenizer
    devices: tuple[str, ...]
    load_seconds: float

    @property
    def device(self) -> str:
        """cuda or cpu: where the model was placed."""
        return kind_of(self.devices)


def describe(config: ExperimentConfig, loaded: LoadedModel, settings: EffectiveSettings, sees_cuda: bool) -> ModelInfo:
    """The block `model_info` of a result.

    Args:
        config: the experiment.
        loaded: the loaded model.
        settings: the effective settings of generation.
        sees_cuda: whether torch finds a CUDA device.
    """
    model = loaded.model
    counts = count_parameters(model)
    section = config.pytorch_settings
    return ModelInfo(
        name=config.model,
        revision=getattr(model.config, "_commit_hash", None),
        architecture=type(without_adapter(model)).__name__,
        n_parameters=counts.total,
        n_matmul_parameters=counts.in_matrix_products,
        n_matmul_parameters_counted=counts.counted_in_matrix_products,
        adapter_parameters=counts.in_adapters,
        parameters_reason=counts.reason,
        random_weights=config.draws_weights,
        device=loaded.device,
        devices=loaded.devices,
        dtype=str(model.dtype).removeprefix("torch."),
        attn_implementation=getattr(model.config, "_attn_implementation", None),
        batch_size=section.effective_batch_size,
        quantization=section.quantization or quantization_of(model),
        effective_settings=dict(settings.values),
        model_generation_defaults=dict(settings.from_model),
        memory_mb=model.get_memory_footprint() / MEGABYTE,
        load_seconds=loaded.load_seconds,
        n_unexpected_weights=len(loaded.unexpected),
        unexpected_weights=tuple(sorted(loaded.unexpected)[:SHOWN]),
        max_positions=limits_of(model.config.to_dict()).positions,
        notes=(
            *(() if sees_cuda else _notes(section.effective_device)),
            *_notes_on_gguf(config),
        ),
    )


def without_adapter(model: Any) -> Any:
    """The model inside PEFT's wrapper; a model with a merged adapter has no wrapper."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _notes(wanted: str) -> tuple[str, ...]:
    """Notes on a machine without a CUDA device."""
    if wanted == "auto":
        return ("no CUDA device was found: running on the CPU (set pytorch.device: cpu to choose it explicitly)",)
    return ()


def _notes_on_gguf(config: ExperimentConfig) -> tuple[str, ...]:
    """A note that the quantised weights of a GGUF file were dequantised."""
    if not source_of(config.model)[1] or config.draws_weights:
        return ()
    return (
        f"the weights of the GGUF file were dequantised to {config.precision}: speed, memory and energy are those of "
        f"{config.precision} weights, not of the file's",
    )
