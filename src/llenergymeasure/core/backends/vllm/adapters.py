"""LoRA adapters. vLLM reserves space for adapters when it loads the model, so it needs their highest rank before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llenergymeasure.config.sections import LoRAConfig

# `MaxLoRARanks` of vLLM.
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)


def adapter_path(lora: LoRAConfig) -> str:
    """Where vLLM finds the adapter: a directory, or a repository that it downloads."""
    return lora.adapter_path or lora.adapter_id or ""


def rank_arguments(lora: LoRAConfig | None) -> dict[str, Any]:
    """The argument with the rank for an adapter on this machine; empty where it is not known."""
    rank = None if lora is None or lora.adapter_path is None else _rank(Path(lora.adapter_path))
    return {} if rank is None else {"max_lora_rank": next((size for size in RANKS if size >= rank), rank)}


def _rank(directory: Path) -> int | None:
    """The largest rank of an adapter; None when its configuration cannot be read, which loading reports."""
    try:
        stated = json.loads((directory / "adapter_config.json").read_text(encoding="utf-8"))
        return max((int(stated["r"]), *map(int, (stated.get("rank_pattern") or {}).values())))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
