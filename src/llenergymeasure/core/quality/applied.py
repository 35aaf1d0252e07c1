"""Compares the settings that the configuration asked for with those that the engine reports, and warns where they differ.

`READ_BACK` lists each field that an engine reports, `NOT_READ_BACK` each other one with the reason. A test fails for a field that
is in neither; the documentation has the same tables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.quality.machine_warnings import Warnings
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.warnings import MeasurementWarning, warning


def _same(value: Any) -> Collection[Any]:
    return (value,)


def _always(config: ExperimentConfig) -> bool:
    return True


def _sampling(config: ExperimentConfig) -> bool:
    return config.decoder.decoding_strategy == "sampling"


def _greedy(config: ExperimentConfig) -> bool:
    return config.decoder.decoding_strategy == "greedy"


@dataclass(frozen=True)
class Setting:
    """A field that an engine reports.

    Attributes:
        field: its dotted name in a configuration.
        name: its dotted name in `effective_settings`.
        as_reported: values of the report that mean the value of the field.
        when: whether the field has an effect.
        off_if_absent: whether a setting that the engine does not report is off; else it is not known.
    """

    field: str
    name: str
    as_reported: Callable[[Any], Collection[Any]] = _same
    when: Callable[[ExperimentConfig], bool] = _always
    off_if_absent: bool = False


DTYPES: Mapping[str, tuple[str, ...]] = {"fp32": ("float32",), "fp16": ("float16",), "bf16": ("bfloat16",)}
# A static cache of transformers has windows where the layers of the model have them.
CACHES: Mapping[str, tuple[str, ...]] = {
    "static": ("static", "static with windows"),
    "sliding_window": ("static with windows",),
    "offloaded_static": ("offloaded", "offloaded with windows"),
}
# Names of vLLM for the same format.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "awq": ("awq", "awq_marlin", "auto_awq"),
    "awq_marlin": ("awq_marlin", "auto_awq"),
    "gptq": ("gptq", "gptq_marlin", "auto_gptq"),
    "gptq_marlin": ("gptq_marlin", "auto_gptq"),
    "fp8": ("fp8", "fp8_e4m3"),
}


def _alias(value: str) -> Collection[str]:
    return ALIASES.get(value, (value,))


_OF_DECODER = (
    Setting("decoder.temperature", "temperature", when=_sampling),
    Setting("decoder.top_p", "top_p", when=_sampling),
    Setting("decoder.top_k", "top_k", when=_sampling),
    Setting("decoder.repetition_penalty", "repetition_penalty"),
)
READ_BACK: Mapping[str, tuple[Setting, ...]] = {
    "pytorch": (
        Setting("precision", "dtype", lambda precision: DTYPES.get(precision, ())),
        Setting("max_output_tokens", "max_new_tokens"),
        Setting("min_output_tokens", "min_new_tokens", off_if_absent=True),
        Setting("decoder.decoding_strategy", "do_sample", lambda strategy: (strategy == "sampling",)),
        Setting("decoder.num_beams", "num_beams"),
        *_OF_DECODER,
        Setting("pytorch.attn_implementation", "attn_implementation", off_if_absent=True),
        Setting("pytorch.use_cache", "use_cache"),
        Setting("pytorch.cache_implementation", "kv_cache", lambda kind: CACHES[kind], off_if_absent=True),
        Setting("pytorch.prompt_lookup_num_tokens", "prompt_lookup_num_tokens", off_if_absent=True),
        Setting("pytorch.load_in_4bit", "load_in_4bit", off_if_absent=True),
        Setting("pytorch.load_in_8bit", "load_in_8bit", off_if_absent=True),
    ),
    "vllm": (
        Setting("precision", "dtype", lambda precision: DTYPES.get(precision, ()), lambda config: config.precision in DTYPES),
        Setting("max_output_tokens", "max_tokens"),
        Setting("min_output_tokens", "min_tokens"),
        Setting("decoder.decoding_strategy", "temperature", lambda strategy: (0,), _greedy),
        *_OF_DECODER,
        *(
            Setting(f"vllm.{name}", name)
            for name in (
                "max_num_seqs", "max_num_batched_tokens", "max_model_len", "tensor_parallel_size",
                "pipeline_parallel_size", "enable_prefix_caching", "enable_chunked_prefill", "block_size", "enforce_eager",
                "load_format", "attention_backend", "enable_lora", "trust_remote_code",
            )
        ),
        Setting("vllm.gpu_memory_utilization", "gpu_memory_utilization", off_if_absent=True),
        Setting("vllm.kv_cache_dtype", "kv_cache_dtype", _alias),
        Setting("vllm.quantization", "quantization", _alias, off_if_absent=True),
        Setting("vllm.speculative.model", "speculative.model", off_if_absent=True),
        Setting("vllm.speculative.num_tokens", "speculative.num_tokens", off_if_absent=True),
    ),
    # What the configuration sets and has no effect on the requests to a server is null. Every other value is a setting of the
    # server itself, also where it has the name of one of these: `max_input_tokens` of TGI is the most that it accepts.
    "server": (
        Setting("precision", "precision"),
        Setting("max_input_tokens", "max_input_tokens"),
        Setting("min_output_tokens", "min_output_tokens"),
        Setting("traffic.seed", "seed"),
        Setting("server.start_timeout_seconds", "start_timeout_seconds"),
        Setting("decoder.top_k", "top_k", when=_sampling),
        Setting("decoder.repetition_penalty", "repetition_penalty"),
    ),
}  # fmt: skip

NOT_READ_BACK: Mapping[str, str] = {
    "random_seed": "torch reports no seed of a call; equal seeds give equal tokens, except with vLLM on several devices",
    "decoder.speculative_decoding": "an argument of each call of `generate`",
    "decoder.draft_model": "an argument of each call of `generate`; `llem` loads it and reports a missing weight as an error",
    "lora.adapter_id": "`model_info.adapter_parameters` counts the parameters of the adapter in the loaded model; vLLM "
    "does not report them, and an adapter that it cannot load is an error",
    "lora.adapter_path": "as `adapter_id`",
    "lora.merge_weights": "a merged adapter leaves no module behind",
    "pytorch.batch_size": "this package forms the batches; a batch of another size is an error",
    "pytorch.batching_strategy": "this package forms the batches",
    "pytorch.device": "a model on another device is an error; `model_info.devices` has all devices",
    "pytorch.device_map": "`model_info.devices` has the devices that it led to",
    "pytorch.max_memory": "as `device_map`",
    "pytorch.num_processes": "this package starts the processes; `process_results` has one result of each",
    "pytorch.torch_compile": "compilations are counted; none at all gives the warning `compile_without_effect`",
    "pytorch.torch_compile_mode": "an argument of `torch.compile`, which does not report it",
    "pytorch.torch_compile_backend": "an argument of `torch.compile`, which does not report it",
    "pytorch.load_format": "`model_info.random_weights` says whether weights were drawn; a missing weight is an error",
    "pytorch.bnb_4bit_compute_dtype": "kept inside the layers of bitsandbytes",
    "pytorch.bnb_4bit_quant_type": "kept inside the layers of bitsandbytes",
    "pytorch.bnb_4bit_use_double_quant": "kept inside the layers of bitsandbytes",
    "pytorch.revision": "a branch or tag becomes a commit, which is in `model_info.revision`",
    "pytorch.trust_remote_code": "a permission; code that is not allowed is an error",
    "server.url": "the block `server` has the address and what answered there",
    "server.launch": "the block `server` has the command",
    "server.arguments": "the block `server` has the command with them; a server refuses what it does not know",
    "server.api": "this package chooses the path of its requests",
    "server.served_model": "a server answers another name with an error",
    "server.tokenizer": "this package applies it itself",
    "server.energy": "this package chooses the meter",
    "server.gpus": "the result has the GPUs that were measured",
    "server.api_key_env": "a server answers a wrong key with an error",
    "server.request_timeout_seconds": "this package ends the request itself",
    "vllm.revision": "a branch or tag becomes a commit, which is in `model_info.revision`",
}


@dataclass(frozen=True)
class NotApplied:
    """A setting that the engine did not apply. `found`: the value that it reports; None = off."""

    field: str
    asked: Any
    found: Any


def not_applied(
    config: ExperimentConfig, reported: Mapping[str, Any], *, complete: bool = True
) -> Iterator[NotApplied]:
    """Settings whose value differs from that of the engine.

    Args:
        config: the experiment.
        reported: the settings that the engine reports, by its names; empty when it reports none.
        complete: whether the engine reports every setting of the table that is on.
    """
    if not reported:
        return
    for setting in READ_BACK.get(config.backend, ()):
        asked = _asked(config, setting)
        known, found = _reported(reported, setting.name)
        if config.backend == "server" and found is not None:
            continue
        if asked is None or not (known or (setting.off_if_absent and complete)):
            continue
        if not any(_equal(value, found) for value in setting.as_reported(asked)):
            yield NotApplied(setting.field, asked, found)
    # A server gets them with each request, and reports nothing about these.
    passed_on = {} if config.backend == "server" else config.passthrough_kwargs or {}
    for name, value in passed_on.items():
        if value is not None and name in reported and not _equal(value, reported[name]):
            yield NotApplied(f"passthrough_kwargs.{name}", value, reported[name])


def _asked(config: ExperimentConfig, setting: Setting) -> Any:
    """The value of the configuration; None when it has none, when the engine may choose, or when it has no effect."""
    if not setting.when(config):
        return None
    if setting.field == "max_output_tokens":
        return config.output_limit
    value: Any = config
    for part in setting.field.split("."):
        value = getattr(value, part, None)
    return None if (value in ("auto", False) and setting.off_if_absent) or value == "auto" else value


def _reported(reported: Mapping[str, Any], name: str) -> tuple[bool, Any]:
    """Whether the engine reports a setting, and its value."""
    value: Any = reported
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return False, None
        value = value[part]
    return True, value


def _equal(asked: Any, found: Any) -> bool:
    """Whether two values are the same, as JSON has them: a tuple is a list, one end of sequence is a list of one."""
    if isinstance(asked, (list, tuple)) or isinstance(found, (list, tuple)):
        return _as_list(asked) == _as_list(found)
    return bool(asked == found)


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def settings_not_applied(draft: ExperimentResult) -> Warnings:
    """One warning for each setting of the configuration that the engine did not apply."""
    info = draft.model_info
    complete = info.backend is None and bool(info.effective_settings)
    for each in not_applied(draft.config, draft.effective_settings, complete=complete):
        yield _warning(each)
    shortest, least = min(draft.tokens.output_tokens_per_prompt, default=None), draft.config.min_output_tokens
    if shortest is not None and least is not None and shortest < least:
        yield warning(
            "setting_not_applied",
            f"min_output_tokens is {least}, but the shortest output has {shortest}",
            "switch off what ends outputs earlier, such as stop_strings, max_time or a forced end of sequence"
            if draft.traffic is None
            else "the server has no parameter for it: compare energy per token, not per request",
            asked=least,
            found=shortest,
        )


def _warning(each: NotApplied) -> MeasurementWarning:
    numbers = {name: value for name, value in (("asked", each.asked), ("found", each.found)) if _is_number(value)}
    if each.found is None:
        sentence, fix = f"{each.field} is {each.asked}, but it has no effect here", f"remove {each.field}"
    else:
        sentence, fix = f"{each.field} is {each.asked}, but the engine used {each.found}", "set the value that was used"
    return warning("setting_not_applied", sentence, f"{fix}, or change what prevents it", **numbers)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
