"""The settings that vLLM uses, read back from its engine, under the names of the section `vllm` where it has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

# Values of `SamplingParams` that mean no effect.
NEUTRAL: Mapping[str, Any] = {
    "presence_penalty": 0.0, "frequency_penalty": 0.0, "min_p": 0.0, "ignore_eos": False, "detokenize": False, "stop": None,
    "stop_token_ids": None, "logit_bias": None, "bad_words": None,
}  # fmt: skip


@dataclass(frozen=True)
class EffectiveSettings:
    """The settings of an engine.

    Attributes:
        values: every setting with an effect.
        from_model: the settings that the model's own files chose.
    """

    values: Mapping[str, Any]
    from_model: Mapping[str, Any]


def effective_settings(engine: Any, sampling: Mapping[str, Any], of_user: Mapping[str, Any]) -> EffectiveSettings:
    """Read the settings back.

    Args:
        engine: vLLM's `LLMEngine`.
        sampling: the settings of `SamplingParams` in the window, as it has them after its own changes.
        of_user: the passthrough arguments.
    """
    ends = _ends(engine, sampling)
    drawn = {name: value for name, value in sampling.items() if name not in NEUTRAL or value != NEUTRAL[name]}
    values = {
        **_of_engine(engine.vllm_config),
        **_of_cache(engine),
        **_of_attention(engine),
        **drawn,
        "eos_token_id": ends,
    }
    known = {name: _plain(value) for name, value in values.items() if value is not None}
    return EffectiveSettings(
        known | _without_effect(sampling, of_user),
        {name: _plain(value) for name, value in _from_model(engine, sampling, of_user, ends).items()},
    )


def _without_effect(sampling: Mapping[str, Any], of_user: Mapping[str, Any]) -> dict[str, None]:
    """Passthrough arguments that `SamplingParams` switched off, such as `min_p` without sampling."""
    off = (name for name in of_user if name in NEUTRAL and sampling.get(name, of_user[name]) == NEUTRAL[name])
    return {name: None for name in off if of_user[name] != NEUTRAL[name]}


def _of_engine(config: Any) -> dict[str, Any]:
    scheduler, cache, parallel, model = (
        config.scheduler_config,
        config.cache_config,
        config.parallel_config,
        config.model_config,
    )
    return {
        "max_num_seqs": scheduler.max_num_seqs,
        "max_num_batched_tokens": scheduler.max_num_batched_tokens,
        "max_model_len": model.max_model_len,
        # A size of the KV cache in bytes, as on a CPU, takes the place of this share.
        "gpu_memory_utilization": None if cache.kv_cache_memory_bytes else cache.gpu_memory_utilization,
        "tensor_parallel_size": parallel.tensor_parallel_size,
        "pipeline_parallel_size": parallel.pipeline_parallel_size,
        "enable_prefix_caching": cache.enable_prefix_caching,
        "enable_chunked_prefill": scheduler.enable_chunked_prefill,
        "block_size": cache.block_size,
        "kv_cache_dtype": cache.cache_dtype,
        "quantization": model.quantization,
        "enforce_eager": model.enforce_eager,
        "load_format": config.load_config.load_format,
        "speculative": _speculative(config.speculative_config),
        "enable_lora": config.lora_config is not None,
        "revision": model.revision,
        "trust_remote_code": model.trust_remote_code,
        "async_scheduling": bool(scheduler.async_scheduling),
        "scheduling_policy": scheduler.policy,
        "compilation_mode": config.compilation_config.mode,
        "cudagraph_mode": config.compilation_config.cudagraph_mode,
    }


def _speculative(config: Any | None) -> dict[str, Any] | None:
    if config is None:
        return None
    return {
        "model": config.method if config.method == "ngram" else config.model,
        "num_tokens": config.num_speculative_tokens,
    }


def _of_cache(engine: Any) -> dict[str, Any]:
    """Size of the KV cache; its bytes are those of one device, and are known where vLLM runs in this process."""
    cache = engine.vllm_config.cache_config
    return {
        "kv_cache_blocks": cache.num_gpu_blocks,
        "kv_cache_tokens": getattr(cache, "kv_cache_size_tokens", None),
        "kv_cache_bytes": _bytes_of_cache(engine),
    }


def _bytes_of_cache(engine: Any) -> int | None:
    core = getattr(engine.engine_core, "engine_core", None)
    if core is None:
        return None
    return sum(int(tensor.size) for tensor in core.scheduler.kv_cache_config.kv_cache_tensors)


def _of_attention(engine: Any) -> dict[str, Any]:
    """The kernel of the layers; not known where other processes hold them."""
    layers = engine.vllm_config.compilation_config.static_forward_context.values()
    found = sorted({layer.attn_backend.get_name() for layer in layers if getattr(layer, "attn_backend", None)})
    return {"attention_backend": ", ".join(found) or None}


def _ends(engine: Any, sampling: Mapping[str, Any]) -> list[int] | None:
    """The ids that end an output: those of the tokenizer and of the model's generation_config.json; None where they are ignored."""
    if sampling.get("ignore_eos"):
        return None
    own = engine.renderer.get_eos_token_id()
    return sorted({*_as_ids(own), *_as_ids(_generation_config(engine).get("eos_token_id"))})


def _from_model(
    engine: Any, sampling: Mapping[str, Any], of_user: Mapping[str, Any], ends: list[int] | None
) -> dict[str, Any]:
    """The model's own defaults that have an effect; the end of sequence of the tokenizer is not reported as one."""
    of_model = engine.vllm_config.model_config.get_diff_sampling_param()
    chosen = {
        name: value
        for name, value in of_model.items()
        if name not in of_user and name in NEUTRAL and value != NEUTRAL[name] and sampling.get(name) == value
    }
    if ends is not None and set(ends) - set(_as_ids(engine.renderer.get_eos_token_id())):
        chosen["eos_token_id"] = ends
    return chosen


def _generation_config(engine: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = engine.vllm_config.model_config.try_get_generation_config()
    return found


def _as_ids(value: Any) -> tuple[int, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, int) else tuple(value)


def _plain(value: Any) -> Any:
    """The value in a form that JSON can represent."""
    if isinstance(value, Enum):
        return value.name if not isinstance(value, str) else value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
