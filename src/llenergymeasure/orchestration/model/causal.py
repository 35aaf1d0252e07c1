"""Checks from its config.json whether a model generates text token by token.

transformers also loads other models as a "causal language model": an encoder-decoder without its encoder, an encoder whose
attention is not causal, a classifier with a new random head. Their results would look plausible.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from llenergymeasure.exceptions import Finding
from llenergymeasure.orchestration.model.model_types import ModelTypes
from llenergymeasure.orchestration.model.required_files import ModelFiles

GENERATING_TASKS = ("CausalLM", "ConditionalGeneration")
FIX = "name a causal language model, such as one whose config.json has the architecture LlamaForCausalLM"

Config = Mapping[str, Any]


def causal_findings(model: ModelFiles, types: ModelTypes | None) -> Iterator[Finding]:
    """Why a model cannot be measured as a causal language model: one finding, or none.

    Args:
        model: the known properties of the model.
        types: the model types of transformers; None = not known, then only the configuration is checked.
    """
    config = model.config
    if "AutoModelForCausalLM" in _mapping(config.get("auto_map")) and model.runs_own_code:
        return
    reason = _reason(config, types)
    if reason is not None:
        yield Finding(f"{model} {reason}", FIX)
    elif types is not None and config["model_type"] not in types.causal:
        yield _not_loadable(model)


def _reason(config: Config, types: ModelTypes | None) -> str | None:
    """Why the model is not a causal language model; None when there is no reason."""
    architecture = _architecture(config)
    if not isinstance(config.get("model_type"), str):
        return "has no model_type in its config.json, so transformers cannot identify it"
    if _is_encoder_decoder(config, architecture, types):
        return f"is an encoder-decoder ({architecture or config['model_type']}): it would run without its encoder"
    task = re.search(r"For([A-Z]\w*)$", architecture)
    if task and not task[1].startswith(GENERATING_TASKS):
        return f"was made for another task ({architecture}): it has no head that generates text"
    if _looks_ahead(config, types):
        return f"is an encoder ({architecture or config['model_type']}): its attention is not causal"
    return None


def _is_encoder_decoder(config: Config, architecture: str, types: ModelTypes | None) -> bool:
    if architecture.endswith("ForCausalLM"):
        return False  # only the decoder was saved
    stated = config.get("is_encoder_decoder")
    if stated is not None or types is None:
        return bool(stated)
    kind = config["model_type"]
    return kind in types.encoder_decoders and types.encoder_decoders[kind] != types.causal.get(kind)


def _looks_ahead(config: Config, types: ModelTypes | None) -> bool:
    """Whether attention covers following tokens. XLM calls the setting `causal`, all others `is_decoder`."""
    if config.get("use_bidirectional_attention") in (True, "all"):
        return True
    kind = config["model_type"]
    if types is None or kind not in types.masked or kind in types.encoder_decoders:
        return False
    return not config.get("causal" if kind == "xlm" else "is_decoder")


def _not_loadable(model: ModelFiles) -> Finding:
    """A finding for a type that transformers does not load as a causal language model."""
    kind = model.config["model_type"]
    if "AutoModelForCausalLM" in _mapping(model.config.get("auto_map")):
        return Finding(
            f"{model} (type '{kind}') comes with its own code, which is not run without permission",
            "read that code, then set pytorch.trust_remote_code: true",
        )
    return Finding(
        f"{model} is of type '{kind}', which the installed transformers does not load as a causal language model",
        f"{FIX}; if it is a newer one: pip install --upgrade transformers",
    )


def _architecture(config: Config) -> str:
    """The class that wrote the checkpoint; empty when the configuration does not name it."""
    named = config.get("architectures")
    first = named[0] if isinstance(named, list) and named else None
    return first if isinstance(first, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
