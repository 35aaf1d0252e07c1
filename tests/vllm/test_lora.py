"""A LoRA adapter changes what the model generates, and one of a large rank is loaded without further settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors.torch")

RANK, HIDDEN, LAYERS = 24, 256, 8


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    """An adapter of the output projections of the tiny model, of a rank that is above vLLM's default of 16."""
    generator = torch.Generator().manual_seed(1)
    weights = {}
    for layer in range(LAYERS):
        name = f"base_model.model.model.layers.{layer}.self_attn.o_proj"
        weights[f"{name}.lora_A.weight"] = torch.randn(RANK, HIDDEN, generator=generator)
        weights[f"{name}.lora_B.weight"] = torch.randn(HIDDEN, RANK, generator=generator)
    safetensors.save_file(weights, str(tmp_path / "adapter_model.safetensors"))
    stated = {"peft_type": "LORA", "r": RANK, "lora_alpha": 2 * RANK, "target_modules": ["o_proj"], "bias": "none"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(stated), encoding="utf-8")
    return tmp_path


def test_an_adapter_changes_what_is_generated(engine_of, adapter):
    prompts = [[10 + place for place in range(40)]]
    with engine_of() as engine:
        without = engine.run(engine.prepare(prompts)).records().requests[0].output_ids
    with engine_of(lora={"adapter_path": str(adapter)}) as engine:
        adapted = engine.run(engine.prepare(prompts)).records().requests[0].output_ids
        info = engine.info
    assert adapted != without
    assert info.effective_settings["enable_lora"] is True
    assert info.n_matmul_parameters is None
    assert info.parameters_reason is not None
