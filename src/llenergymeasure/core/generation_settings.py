"""Settings of generation: those of the configuration, replaced by those that the backend reports as used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.measurements import ModelInfo

# Settings for speculative decoding: those of `generate`, and that of vLLM.
PROPOSERS = ("assistant_model", "prompt_lookup_num_tokens", "assistant_early_exit", "use_mtp", "speculative")


def settings_of(config: ExperimentConfig, info: ModelInfo) -> dict[str, Any]:
    """Settings by their names in transformers' `generate`, and those of vLLM by their names in its section."""
    return {**_asked(config), **(config.passthrough_kwargs or {}), **info.effective_settings}


def _asked(config: ExperimentConfig) -> dict[str, Any]:
    if config.backend == "vllm":
        return {"num_beams": 1, "use_cache": True, "speculative": config.vllm_settings.speculative}
    section = config.pytorch_settings
    return {
        "num_beams": config.decoder.beams,
        "use_cache": section.effective_use_cache,
        "cache_implementation": section.cache_implementation,
        "assistant_model": config.decoder.draft_model,
        "prompt_lookup_num_tokens": section.prompt_lookup_num_tokens,
    }


def proposers(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of active settings for speculative decoding; empty when each step generates one token."""
    return tuple(name for name in PROPOSERS if settings.get(name))
