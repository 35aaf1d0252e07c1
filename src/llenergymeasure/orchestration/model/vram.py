"""Estimates the device memory of an experiment: weights, KV cache, and 15 % for everything else.

The estimate is for a warning. It reads configuration files only; nothing is loaded, and the network is not used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llenergymeasure.config.backends.pytorch import Quantization
from llenergymeasure.config.messages.format import shown
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.sections import SyntheticDatasetConfig
from llenergymeasure.core.flops.architecture import shape_of
from llenergymeasure.core.flops.dimensions import TransformerShape
from llenergymeasure.core.model_limits import limits_of
from llenergymeasure.models.files.local_files import local_config, local_directory
from llenergymeasure.models.gguf import names_gguf
from llenergymeasure.orchestration.model.kv_cache import UnknownCacheError, cache_bytes
from llenergymeasure.orchestration.model.weights import local_weights_bytes

MEGABYTE = 1e6
OVERHEAD = 0.15
# vLLM's default of max_num_seqs on CPUs and most GPUs (`EngineArgs.get_batch_defaults` of 0.32).
VLLM_SEQUENCES = 256

BYTES_PER_WEIGHT = {"fp32": 4.0, "fp16": 2.0, "bf16": 2.0, "int8": 1.0, "fp8": 1.0, "int4": 0.5}
# bitsandbytes keeps 4 bits and a 32-bit scale per block of 64 weights, or 8 bits.
BYTES_PER_QUANTISED_WEIGHT: Mapping[Quantization, float] = {"4bit": 0.5 + 4 / 64, "8bit": 1.0}
BYTES_STORED = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0, "float8_e4m3fn": 1.0, "float8_e5m2": 1.0}


@dataclass(frozen=True)
class VramEstimate:
    """Device memory in MB (10^6 bytes). Unknown parts are None, and so is the total; `notes` give the reason."""

    weights_mb: float | None
    kv_cache_mb: float | None
    overhead_mb: float | None
    total_mb: float | None
    notes: tuple[str, ...]

    @classmethod
    def of(cls, weights_mb: float | None, kv_cache_mb: float | None, *notes: str) -> VramEstimate:
        """An estimate that adds 15 % of weights and KV cache for activations, buffers and libraries."""
        if weights_mb is None or kv_cache_mb is None:
            return cls(weights_mb, kv_cache_mb, None, None, notes)
        overhead_mb = OVERHEAD * (weights_mb + kv_cache_mb)
        return cls(weights_mb, kv_cache_mb, overhead_mb, weights_mb + kv_cache_mb + overhead_mb, notes)

    def __str__(self) -> str:
        total = "unknown" if self.total_mb is None else f"about {_shown(self.total_mb)}"
        weights, cache, rest = (_shown(part) for part in (self.weights_mb, self.kv_cache_mb, self.overhead_mb))
        return "; ".join([f"{total} (weights {weights}, KV cache {cache}, rest {rest})", *self.notes])


def _megabytes(count: int) -> float:
    """The size in MB; infinite above the range of floats, because the product of settings has no limit."""
    try:
        return count / MEGABYTE
    except OverflowError:
        return math.inf


def _shown(megabytes: float | None) -> str:
    """The size with three significant figures."""
    if megabytes is None:
        return "unknown"
    value, unit = (megabytes, "MB") if megabytes < 999.5 else (megabytes / 1000, "GB")
    return f"{float(f'{value:.3g}'):g} {unit}"


def estimate_for(config: ExperimentConfig, environ: Mapping[str, str]) -> VramEstimate:
    """Estimate an experiment from the files on this machine.

    Args:
        config: the experiment.
        environ: environment variables, for the place of the hub's cache.

    Raises:
        ConfigError: there is no such built-in model, or the model's config.json is damaged.
    """
    if config.backend == "server":
        return VramEstimate.of(None, None, "the server has the model, and decides how it is loaded")
    content = local_config(config.model, config.section.revision, environ)
    if content is None:
        return VramEstimate.of(None, None, f"config.json of {config.model} is not on this machine")
    estimate = estimate_vram(
        content,
        precision=config.precision,
        batch_size=_rows(config),
        input_tokens=_input_tokens(config),
        output_tokens=config.output_limit,
        weights_bytes=None if config.draws_weights else _stored_bytes(config, environ),
        quantization=config.pytorch_settings.quantization,
        use_cache=config.pytorch_settings.effective_use_cache,
    )
    weights_mb = _dequantised_mb(config) if names_gguf(config.model) else estimate.weights_mb
    return VramEstimate.of(weights_mb, estimate.kv_cache_mb, *estimate.notes, *_left_out(config))


def _rows(config: ExperimentConfig) -> int:
    """Rows whose keys and values are stored at the same time."""
    if config.backend == "vllm":
        return min(config.n, config.vllm_settings.max_num_seqs or VLLM_SEQUENCES)
    return config.pytorch_settings.effective_batch_size * config.decoder.beams


def _stored_bytes(config: ExperimentConfig, environ: Mapping[str, str]) -> int | None:
    """Size in bytes of the weight files; None without any."""
    directory = local_directory(config.model, config.section.revision, environ)
    return None if directory is None else local_weights_bytes(directory)


def _dequantised_mb(config: ExperimentConfig) -> float:
    """Size in MB of the weights of a GGUF file after loading."""
    from llenergymeasure.models.files.gguf import gguf_header  # noqa: PLC0415 - only a GGUF file needs it

    return gguf_header(config.model).n_parameters * BYTES_PER_WEIGHT[config.precision] / MEGABYTE


def _input_tokens(config: ExperimentConfig) -> int | None:
    return config.dataset.input_len if isinstance(config.dataset, SyntheticDatasetConfig) else config.max_input_tokens


def _left_out(config: ExperimentConfig) -> Iterator[str]:
    if config.lora is not None:
        yield "the adapter is not counted"
    if config.decoder.draft_model is not None:
        yield f"the draft model {config.decoder.draft_model} is not counted"
    if config.backend == "vllm":
        yield "vLLM reserves its share of the device (vllm.gpu_memory_utilization), however much the work needs"


def estimate_vram(
    config_json: Mapping[str, Any],
    *,
    precision: str,
    batch_size: int,
    input_tokens: int | None,
    output_tokens: int,
    weights_bytes: int | None,
    quantization: Quantization | None,
    use_cache: bool = True,
) -> VramEstimate:
    """Estimate from a model's configuration.

    Args:
        config_json: the content of its config.json.
        precision: number format in which it is loaded.
        batch_size: rows per `generate` call, beams included.
        input_tokens: tokens of the longest prompt; None = prompts are not cut, and as long as the model allows.
        output_tokens: most new tokens per prompt.
        weights_bytes: size of the stored weights, used if the architecture is not known; None when unknown.
        quantization: bitsandbytes quantisation of the weights while loading.
        use_cache: False = keys and values are not stored.
    """
    shape = shape_of(config_json)
    longest = limits_of(config_json).positions if input_tokens is None else input_tokens
    weights = _weights_bytes(config_json, shape, weights_bytes, BYTES_PER_WEIGHT[precision], quantization)
    positions = None if longest is None else longest + output_tokens
    bytes_per_value = 4 if precision == "fp32" else 2  # with quantised weights the cache stays in 16 bits
    cache, notes = _cache(config_json, shape, positions, bytes_per_value) if use_cache else (0, [])
    if shape is None:
        kind = shown(config_json.get("model_type"))
        notes.append(f"architecture {kind} is not known: the sizes are those of its configuration and files")
    if input_tokens is None:
        notes.append(f"prompts are not cut: counted with {longest or 'an unknown number of'} tokens each")
    return VramEstimate.of(
        None if weights is None else weights / MEGABYTE,
        None if cache is None else _megabytes(batch_size * cache),
        *notes,
    )


def _cache(
    config_json: Mapping[str, Any], shape: TransformerShape | None, positions: int | None, bytes_per_value: int
) -> tuple[int | None, list[str]]:
    """Size in bytes of the cache of one row, None when not known, and the reason."""
    try:
        return cache_bytes(config_json, shape, positions, bytes_per_value), []
    except UnknownCacheError as error:
        return None, [f"KV cache unknown: {error}"]


def _weights_bytes(
    config_json: Mapping[str, Any],
    shape: TransformerShape | None,
    stored: int | None,
    bytes_per_weight: float,
    quantization: Quantization | None,
) -> float | None:
    """Size in bytes of the loaded weights; None when not known."""
    if config_json.get("quantization_config"):
        return stored
    if shape is None:
        return None if stored is None else stored * _change(config_json, bytes_per_weight, quantization)
    if quantization is None:
        return bytes_per_weight * shape.n_parameters
    # bitsandbytes replaces linear layers, not the head, and not routed experts, which share one tensor.
    quantised = shape.stored_linear_parameters - shape.routed_parameters
    kept = shape.n_parameters - quantised
    return BYTES_PER_QUANTISED_WEIGHT[quantization] * quantised + bytes_per_weight * kept


def _change(config_json: Mapping[str, Any], bytes_per_weight: float, quantization: Quantization | None) -> float:
    """The ratio of the size of loaded weights to that of stored weights."""
    stored = BYTES_STORED.get(str(config_json.get("dtype") or config_json.get("torch_dtype")), bytes_per_weight)
    return (BYTES_PER_QUANTISED_WEIGHT[quantization] if quantization else bytes_per_weight) / stored
