"""The settings that `generate` uses: our arguments, then the model's generation configuration, then transformers' defaults.

```
passed     documented fields, and the form of the return value: always passed, so they always come from us
harmless   settings without an effect here, each with its reason
others     set by the model's own files: recorded, with a warning if they differ from transformers' defaults
```

A new field of transformers is in none of the tables: it counts as set by the model, and a test fails until it is added.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from llenergymeasure.core.generation_settings import PROPOSERS, proposers
from llenergymeasure.exceptions import BackendError

HARMLESS: Mapping[str, str] = {
    "_from_model_config": "says where the configuration came from",
    "transformers_version": "says what wrote the file",
    "bos_token_id": "begins an empty prompt, and there is none",
    "decoder_start_token_id": "is for encoder-decoders",
    "max_length": "max_new_tokens, which is always given, takes its place",
    "cache_config": "is for the quantised cache, which no setting chooses",
    "continuous_batching_config": "is for generate_batch, which is not called",
    "low_memory": "is of contrastive search, which is switched off",
}

# Documented fields: recorded with any value.
DOCUMENTED = frozenset(
    {
        "max_new_tokens", "min_new_tokens", "do_sample", "num_beams", "repetition_penalty", "use_cache",
        "cache_implementation", "prompt_lookup_num_tokens", "temperature", "top_k", "top_p", "pad_token_id", "eos_token_id",
    }
)  # fmt: skip

# Settings that have an effect only under a condition.
SAMPLING = frozenset(
    {"temperature", "top_k", "top_p", "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff"}
)  # fmt: skip
BEAMS = frozenset({"early_stopping", "length_penalty"})
PROPOSALS = frozenset(
    {
        "num_assistant_tokens", "num_assistant_tokens_schedule", "assistant_confidence_threshold", "assistant_lookbehind",
        "target_lookbehind", "max_matching_ngram_size", "assistant_ensemble_weight", "speculation_type",
    }
)  # fmt: skip
COMPILED_DECODING = frozenset({"max_cache_len", "compile_config", "disable_compile"})
CONDITIONAL = SAMPLING | BEAMS | PROPOSALS | COMPILED_DECODING

# Settings that have an effect whenever they differ from transformers' default.
ALWAYS = frozenset(
    {
        "assistant_early_exit", "bad_words_ids", "begin_suppress_tokens", "encoder_no_repeat_ngram_size",
        "encoder_repetition_penalty", "eos_token_id", "exponential_decay_length_penalty", "forced_bos_token_id",
        "forced_eos_token_id", "guidance_scale", "max_time", "min_length", "no_repeat_ngram_size", "prefill_chunk_size",
        "remove_invalid_values", "renormalize_logits", "sequence_bias", "stop_strings", "suppress_tokens", "token_healing",
        "use_mtp", "watermarking_config",
    }
)  # fmt: skip

# Values without an effect, other than None, false, empty and transformers' default.
_NEUTRAL: Mapping[str, Any] = {"guidance_scale": 1}


@dataclass(frozen=True)
class EffectiveSettings:
    """The settings of generation.

    Attributes:
        values: documented fields and every other setting with an effect, by transformers' name.
        from_model: the settings that the model's own files set to values other than transformers' defaults.
    """

    values: Mapping[str, Any]
    from_model: Mapping[str, Any]


def effective_settings(
    found: Mapping[str, Any], defaults: Mapping[str, Any], arguments: Mapping[str, Any], own_end: int | None
) -> EffectiveSettings:
    """Classify the settings of `generate`.

    Args:
        found: every field of the generation configuration that `generate` builds.
        defaults: transformers' defaults; an absent field counts as None.
        arguments: the arguments of `generate`.
        own_end: the tokenizer's end-of-sequence id, which is not reported as a setting of the model; None without one.
    """
    proposing = any(arguments.get(name) or found.get(name) for name in PROPOSERS)
    idle = set(HARMLESS) | _without_effect(found, proposing)
    unlike = {name for name, value in found.items() if _off(name, value) != _off(name, defaults.get(name))}
    used = {name: plain(found[name]) for name in sorted((unlike | DOCUMENTED) & set(found) - idle)}
    used = {name: value for name, value in used.items() if value is not None}
    chosen = {name: value for name, value in used.items() if name in unlike and name not in arguments}
    if set(as_ids(chosen.get("eos_token_id"))) <= {own_end}:
        chosen.pop("eos_token_id", None)
    return EffectiveSettings(used, chosen)


def check_settings(settings: EffectiveSettings, rows: int) -> None:
    """Refuse settings with which `generate` would fail, or with which tokens could not be counted.

    Args:
        settings: the settings of generation.
        rows: largest number of prompts in a batch.

    Raises:
        BackendError: with the setting, and how to switch it off.
    """
    if settings.values.get("token_healing"):
        raise BackendError(
            "token_healing changes the prompts inside generate, so that input tokens cannot be counted; switch it off with "
            "passthrough_kwargs: {token_healing: null}"
        )
    found = proposers(settings.values)
    if found and rows > 1:
        raise BackendError(
            f"{found[0]} proposes tokens for one prompt at a time, but batches have {rows}; set pytorch.batch_size: 1, or "
            f"switch it off with passthrough_kwargs: {{{found[0]}: null}}"
        )


def _without_effect(found: Mapping[str, Any], proposing: bool) -> set[str]:
    """Names of settings whose condition is not met."""
    conditions: tuple[tuple[Collection[str], bool], ...] = (
        (SAMPLING, bool(found.get("do_sample"))),
        (BEAMS, (found.get("num_beams") or 1) > 1),
        (PROPOSALS, proposing),
        (COMPILED_DECODING, found.get("cache_implementation") is not None),
    )
    return {name for names, is_met in conditions if not is_met for name in names}


def means_off(name: str, value: Any, default: Any) -> bool:
    """Whether a value of a setting has the effect of transformers' default."""
    return bool(_off(name, value) == _off(name, default)) or _off(name, value) is None


def _off(name: str, value: Any) -> Any:
    """None if the value means off; else the value."""
    return None if value is False or value in ([], {}, _NEUTRAL.get(name)) else value


def as_ids(value: Any) -> tuple[int, ...]:
    """Token ids of a setting that may be one id, several ids or None."""
    if value is None:
        return ()
    return (value,) if isinstance(value, int) else tuple(value)


def plain(value: Any) -> Any:
    """The value in a form that JSON can represent."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return plain(value.to_dict()) if hasattr(value, "to_dict") else str(value)
