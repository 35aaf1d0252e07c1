"""Converts a configuration to the arguments of `vllm.LLM` and `SamplingParams`. Every setting is passed on.

A field that is None adds no argument, so that the default of vLLM applies.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.models.builtin import builtin_model_path

DTYPE_NAMES: Mapping[str, str] = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}
# Arguments that vLLM has under the names of the section.
SAME_NAMES = (
    "max_num_seqs", "max_num_batched_tokens", "max_model_len", "gpu_memory_utilization", "tensor_parallel_size",
    "pipeline_parallel_size", "enable_chunked_prefill", "block_size", "kv_cache_dtype", "quantization", "enforce_eager",
    "attention_backend", "revision", "trust_remote_code",
)  # fmt: skip
GIB = 2**30
# vLLM would reserve 92 % of the host's memory for a KV cache on the CPU. The user's settings replace this size.
KV_CACHE_BYTES_ON_CPU = GIB
KV_CACHE_SPACE = "VLLM_CPU_KVCACHE_SPACE"


def source_of(model: str) -> str:
    """Where vLLM finds a model: files of this package, or the user's text."""
    builtin = builtin_model_path(model)
    return model if builtin is None else str(builtin)


def engine_arguments(
    config: ExperimentConfig, sampling_names: Collection[str], environ: Mapping[str, str], on_cpu: bool
) -> dict[str, Any]:
    """Arguments of `vllm.LLM`.

    Args:
        config: the experiment.
        sampling_names: names that belong to `SamplingParams`; all other passthrough arguments go to `LLM`.
        environ: environment variables.
        on_cpu: whether vLLM was built for CPUs.
    """
    section = config.vllm_settings
    passthrough = _passthrough(config, sampling_names, of_sampling=False)
    cache_bytes = kv_cache_bytes_on_cpu(config, environ) if on_cpu else None
    return {
        "model": source_of(config.model),
        "dtype": DTYPE_NAMES.get(config.precision, "auto"),
        "seed": config.random_seed,
        "load_format": "dummy" if config.draws_weights else "auto",
        "enable_prefix_caching": section.effective_prefix_caching,
        "disable_log_stats": False,  # without them, vLLM records no times
        **({} if cache_bytes is None else {"kv_cache_memory_bytes": cache_bytes}),
        **{name: getattr(section, name) for name in SAME_NAMES if getattr(section, name) is not None},
        **_speculative(config),
        **_lora(config),
        **passthrough,
    }


def kv_cache_bytes_on_cpu(config: ExperimentConfig, environ: Mapping[str, str]) -> int | None:
    """Size of the KV cache on a CPU; None when it follows from the memory of the machine, or is not a number.

    In the order of vLLM: the environment variable, `kv_cache_memory_bytes`, a share of the memory. Without any of them, this
    package chooses a size.
    """
    given = environ.get(KV_CACHE_SPACE)
    if given:
        return int(given) * GIB if given.isdecimal() else None
    chosen = (config.passthrough_kwargs or {}).get("kv_cache_memory_bytes")
    if chosen is not None or config.vllm_settings.gpu_memory_utilization is not None:
        return chosen if isinstance(chosen, int) else None
    return KV_CACHE_BYTES_ON_CPU


def _speculative(config: ExperimentConfig) -> dict[str, Any]:
    chosen = config.vllm_settings.speculative
    if chosen is None:
        return {}
    drafter = {"method": "ngram"} if chosen.model == "ngram" else {"model": source_of(chosen.model)}
    return {"speculative_config": {**drafter, "num_speculative_tokens": chosen.num_tokens}}


def _lora(config: ExperimentConfig) -> dict[str, Any]:
    enabled = config.lora is not None or config.vllm_settings.enable_lora
    return {} if enabled is None else {"enable_lora": bool(enabled)}


def sampling_arguments(
    config: ExperimentConfig, sampling_names: Collection[str], of_model: Mapping[str, Any]
) -> dict[str, Any]:
    """Arguments of `SamplingParams`.

    Documented fields are passed even at their default, so that the model's own files do not replace them.

    Args:
        config: the experiment.
        sampling_names: names that `SamplingParams` knows.
        of_model: defaults that the model's generation_config.json sets, by vLLM's names.
    """
    passthrough = _passthrough(config, sampling_names, of_sampling=True)
    return {
        **of_model,
        "repetition_penalty": config.decoder.repetition_penalty,
        **_choice_of_token(config),
        "max_tokens": config.output_limit,
        "min_tokens": config.min_output_tokens or 0,
        # Texts are not part of a measurement; vLLM needs them only to find strings that end the output.
        "detokenize": any(passthrough.get(name) for name in ("stop", "bad_words")),
        **passthrough,
    }


def _choice_of_token(config: ExperimentConfig) -> dict[str, Any]:
    """Temperature 0 is greedy decoding, for which the other three have no effect."""
    decoder = config.decoder
    if decoder.decoding_strategy == "greedy":
        return {"temperature": 0.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0}
    return {"temperature": decoder.temperature, "top_p": decoder.top_p, "top_k": decoder.top_k or 0}


def warm_up_arguments(arguments: Mapping[str, Any], max_new_tokens: int) -> dict[str, Any]:
    """The same arguments for outputs of an exact length, at most that of the window."""
    limit = min(max_new_tokens, arguments["max_tokens"])
    return {**arguments, "max_tokens": limit, "min_tokens": limit, "ignore_eos": True}


def _passthrough(config: ExperimentConfig, sampling_names: Collection[str], of_sampling: bool) -> dict[str, Any]:
    """The passthrough arguments of one of the two calls."""
    given = config.passthrough_kwargs or {}
    return {name: value for name, value in given.items() if (name in sampling_names) == of_sampling}
