"""The description of a loaded model in a result."""

from __future__ import annotations

from typing import Any

import torch

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.pytorch.parameters.count import ParameterCounts
from llenergymeasure.core.backends.vllm.settings import EffectiveSettings
from llenergymeasure.core.model_limits import limits_of
from llenergymeasure.domain.measurements import ModelInfo

MEGABYTE = 1e6
OF_ADAPTER = "vLLM does not report the parameters of an adapter"
NOT_COUNTED = "the modules that vLLM loaded are not counted; the numbers are those of the model's configuration"


def devices_of(engine: Any) -> tuple[str, ...]:
    """The devices that hold a part of the model: cuda:0, cuda:1, ... or cpu."""
    config = engine.vllm_config
    if config.device_config.device_type != "cuda":
        return ("cpu",)
    return tuple(f"cuda:{number}" for number in range(config.parallel_config.world_size))


def describe(
    config: ExperimentConfig,
    engine: Any,
    settings: EffectiveSettings,
    counts: ParameterCounts,
    architecture: dict[str, Any],
    load_seconds: float,
) -> ModelInfo:
    """The block `model_info` of a result.

    Args:
        config: the experiment.
        engine: vLLM's `LLMEngine`.
        settings: its settings, read back.
        counts: the number of parameters, by the configuration of the model.
        architecture: the model's configuration.
        load_seconds: duration of loading in s.
    """
    model, devices = engine.vllm_config.model_config, devices_of(engine)
    adapted = config.lora is not None
    return ModelInfo(
        name=config.model,
        revision=getattr(model.hf_config, "_commit_hash", None),
        architecture=next(iter(model.architectures), None),
        n_parameters=counts.total,
        n_matmul_parameters=None if adapted else counts.in_matrix_products,
        n_matmul_parameters_counted=None,
        adapter_parameters=None if adapted else 0,
        parameters_reason=OF_ADAPTER if adapted else counts.reason or NOT_COUNTED,
        random_weights=config.draws_weights,
        device="cpu" if devices == ("cpu",) else "cuda",
        devices=devices,
        dtype=str(model.dtype).removeprefix("torch."),
        attn_implementation=settings.values.get("attention_backend"),
        max_num_seqs=engine.vllm_config.scheduler_config.max_num_seqs,
        quantization=model.quantization,
        effective_settings=dict(settings.values),
        model_generation_defaults=dict(settings.from_model),
        memory_mb=_memory_mb(engine, counts),
        load_seconds=load_seconds,
        max_positions=limits_of(architecture).positions,
    )


def _memory_mb(engine: Any, counts: ParameterCounts) -> float | None:
    """Memory of the weights: as vLLM measured it on a GPU, and by their number and format on a CPU; None when not known."""
    worker = getattr(getattr(engine, "model_executor", None), "driver_worker", None)
    measured = getattr(getattr(worker, "model_runner", None), "model_memory_usage", None)
    if measured:
        return float(measured) / MEGABYTE
    model = engine.vllm_config.model_config
    if counts.total is None or model.quantization is not None:
        return None
    return counts.total * int(torch.empty(0, dtype=model.dtype).element_size()) / MEGABYTE
