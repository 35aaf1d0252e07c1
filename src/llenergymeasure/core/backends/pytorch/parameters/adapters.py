"""Parameters of adapters that were not merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Options of LoRA with which a token needs operations other than r (in + out) for each adapted matrix.
OTHER_OPERATIONS = (
    "use_dora", "use_qalora", "use_bdlora", "alora_invocation_tokens", "arrow_config", "kasa_config", "monteclora_config",
    "layer_replication", "target_parameters",
)  # fmt: skip


@dataclass(frozen=True)
class AdapterCounts:
    """Attributes: `count` parameters in matrix products per token, None with `reason` when they are not known."""

    count: int | None = 0
    reason: str | None = None


def count_adapters(model: Any) -> AdapterCounts:
    """Parameters in matrix products of plain LoRA on linear layers: r (in + out) for each adapted matrix.

    Returns:
        0 without an adapter; None for adapters of another kind, whose operations are not r (in + out).
    """
    configs = getattr(model, "peft_config", None)
    if not isinstance(configs, dict):
        return AdapterCounts()
    for name, config in configs.items():
        reason = _why_not_plain(config)
        if reason is not None:
            return AdapterCounts(None, f"adapter '{name}' {reason}")
    if any(".lora_embedding_" in name for name, _ in model.named_parameters()):
        return AdapterCounts(None, "the adapter changes an embedding, which is looked up")
    return AdapterCounts(
        sum(parameter.numel() for name, parameter in model.named_parameters() if _is_matrix_of_lora(name, parameter))
    )


def _why_not_plain(config: Any) -> str | None:
    kind = getattr(config.peft_type, "value", str(config.peft_type))
    if kind != "LORA":
        return f"is of kind {kind}, whose operations are not known"
    for option in OTHER_OPERATIONS:
        if getattr(config, option, None):
            return f"sets {option}, whose operations are not known"
    return None


def _is_matrix_of_lora(name: str, parameter: Any) -> bool:
    return (".lora_A." in name or ".lora_B." in name) and parameter.ndim == 2
