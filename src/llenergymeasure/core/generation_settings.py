"""Settings of generation: those of the configuration, replaced by those that the backend reports as used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.measurements import ModelInfo

# Settings of `generate` for speculative decoding.
PROPOSERS = ("assistant_model", "prompt_lookup_num_tokens", "assistant_early_exit", "use_mtp")


def settings_of(config: ExperimentConfig, info: ModelInfo) -> dict[str, Any]:
    """Settings by their names in transformers' `generate`."""
    section = config.pytorch_settings
    asked = {
        "num_beams": config.decoder.beams,
        "use_cache": section.effective_use_cache,
        "cache_implementation": section.cache_implementation,
        "assistant_model": config.decoder.draft_model,
        "prompt_lookup_num_tokens": section.prompt_lookup_num_tokens,
    }
    return {**asked, **(config.passthrough_kwargs or {}), **info.effective_settings}


def proposers(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of active settings for speculative decoding; empty when each step generates one token."""
    return tuple(name for name in PROPOSERS if settings.get(name))
