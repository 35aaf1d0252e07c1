"""Converts a configuration to the arguments of `from_pretrained` and `generate`. Every setting is passed on.

A field that is None adds no argument, so that the default of transformers applies.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from llenergymeasure.config.backends.pytorch import PyTorchConfig
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.models.builtin import builtin_model_path
from llenergymeasure.models.gguf import gguf_path, names_gguf

DTYPE_NAMES: Mapping[str, str] = {"fp32": "float32", "fp16": "float16", "bf16": "bfloat16"}


# Fields that change how a loaded model generates, but not the model.
_AFTER_LOADING = frozenset(
    {"batch_size", "batching_strategy", "use_cache", "prompt_lookup_num_tokens", "num_processes"}
)


def load_key(config: ExperimentConfig) -> str | None:
    """A key that is equal for experiments that may share a loaded model; None when the model may not be shared.

    A compiled model and a static cache keep state about the shapes that they have processed.
    """
    section = config.pytorch_settings
    if section.torch_compile or section.cache_implementation is not None:
        return None
    fields = config.model_dump(mode="json", include={"model", "backend", "precision", "lora", "passthrough_kwargs"})
    fields["pytorch"] = section.model_dump(mode="json", exclude=set(_AFTER_LOADING))
    fields["draft"] = config.decoder.draft_model
    fields["seed"] = config.random_seed if config.draws_weights else None
    return json.dumps(fields, sort_keys=True)


def source_of(model: str) -> tuple[str, dict[str, Any]]:
    """Where transformers finds a model: files of this package, the user's text, or the directory of a GGUF file.

    Returns:
        The place, and the argument with the name of the GGUF file; empty for any other model.
    """
    if names_gguf(model):
        path = gguf_path(model)
        return str(path.parent), {"gguf_file": path.name}
    builtin = builtin_model_path(model)
    return model if builtin is None else str(builtin), {}


def hub_arguments(config: ExperimentConfig) -> dict[str, Any]:
    """Arguments of every `from_pretrained`: model, configuration and tokenizer."""
    section, (_, of_file) = config.pytorch_settings, source_of(config.model)
    return _given(revision=section.revision, trust_remote_code=section.trust_remote_code, **of_file)


def model_arguments(config: ExperimentConfig, passthrough_names: Collection[str]) -> dict[str, Any]:
    """Arguments of the model's `from_pretrained`.

    Args:
        config: the experiment.
        passthrough_names: names that belong to `generate`; all other passthrough arguments go to the model.
    """
    section = config.pytorch_settings
    passthrough = config.passthrough_kwargs or {}
    return {
        **hub_arguments(config),
        "dtype": DTYPE_NAMES[config.precision],
        **_given(
            attn_implementation=section.attn_implementation,
            device_map=section.device_map,
            max_memory=section.max_memory,
            quantization_config=quantization(section),
        ),
        **{name: value for name, value in passthrough.items() if name not in passthrough_names},
    }


def quantization(section: PyTorchConfig) -> dict[str, Any] | None:
    """Settings of bitsandbytes for transformers; None when weights are not quantised."""
    if section.quantization is None:
        return None
    return {
        "quant_method": "bitsandbytes",
        **_given(
            load_in_4bit=section.load_in_4bit,
            load_in_8bit=section.load_in_8bit,
            bnb_4bit_compute_dtype=section.bnb_4bit_compute_dtype,
            bnb_4bit_quant_type=section.bnb_4bit_quant_type,
            bnb_4bit_use_double_quant=section.bnb_4bit_use_double_quant,
        ),
    }


def compile_arguments(config: ExperimentConfig) -> dict[str, Any] | None:
    """Arguments of `Module.compile`; None when the model is not compiled."""
    section = config.pytorch_settings
    if not section.torch_compile:
        return None
    return _given(mode=section.torch_compile_mode, backend=section.torch_compile_backend)


def generate_arguments(config: ExperimentConfig, known_names: Collection[str]) -> dict[str, Any]:
    """Arguments of `generate`, without prompts and draft model.

    Documented fields are passed even at their default, also as None, because otherwise the model's own generation
    configuration would replace them.

    Args:
        config: the experiment.
        known_names: names that `generate` knows; other passthrough arguments go to the model.
    """
    section, decoder = config.pytorch_settings, config.decoder
    sampling = decoder.decoding_strategy == "sampling"
    passthrough = config.passthrough_kwargs or {}
    return {
        **{name: value for name, value in _RULED_OUT.items() if name in known_names},
        "max_new_tokens": config.output_limit,
        "min_new_tokens": config.min_output_tokens,
        "do_sample": sampling,
        "num_beams": decoder.beams,
        "repetition_penalty": decoder.repetition_penalty,
        "use_cache": section.effective_use_cache,
        "cache_implementation": section.cache_implementation,
        "prompt_lookup_num_tokens": section.prompt_lookup_num_tokens,
        **(_sampling(config) if sampling else {}),
        **{name: value for name, value in passthrough.items() if name in known_names},
    }


_RULED_OUT: Mapping[str, Any] = {
    # `generate` returns ids alone, one row per prompt.
    "return_dict_in_generate": False,
    "num_return_sequences": 1,
    "output_scores": False,
    "output_logits": False,
    "output_attentions": False,
    "output_hidden_states": False,
    # Each of these would select a strategy other than greedy, sampling or beam.
    "penalty_alpha": None,
    "dola_layers": None,
    "num_beam_groups": 1,
    "diversity_penalty": 0.0,
    "constraints": None,
    "force_words_ids": None,
    # The measured model is not a draft model.
    "is_assistant": False,
}


def _sampling(config: ExperimentConfig) -> dict[str, Any]:
    """Set all three, so that the model's own generation defaults have no effect. 0 = no top-k."""
    decoder = config.decoder
    return {"temperature": decoder.temperature, "top_p": decoder.top_p, "top_k": decoder.top_k or 0}


def _given(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}
