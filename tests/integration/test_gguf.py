"""A model in a GGUF file is read, generates as its safetensors twin does, and says that it was dequantised."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.torch
torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
pytest.importorskip("gguf", reason="transformers reads GGUF files with the package gguf")

from a_gguf import ARRAY, F32, STRING, U32, gguf  # noqa: E402
from llenergymeasure import ExperimentConfig, run_experiment  # noqa: E402
from llenergymeasure.models.builtin import BUILTIN_MODELS  # noqa: E402

TINY_LLAMA = BUILTIN_MODELS["builtin/tiny-llama"]
SIZES = {
    "vocab_size": 8192, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2,
}  # fmt: skip
NAMES = {
    "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output", "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def values() -> dict[str, tuple[int, Any]]:
    tokenizer = json.loads((TINY_LLAMA / "tokenizer.json").read_text())["model"]
    tokens = sorted(tokenizer["vocab"], key=tokenizer["vocab"].__getitem__)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in tokenizer["merges"]]
    sizes = {
        "context_length": 2048, "embedding_length": 32, "block_count": 2, "feed_forward_length": 64,
        "attention.head_count": 4, "attention.head_count_kv": 2, "rope.dimension_count": 8, "vocab_size": 8192,
    }  # fmt: skip
    return {
        "general.architecture": (STRING, "llama"),
        **{f"llama.{name}": (U32, size) for name, size in sizes.items()},
        "llama.attention.layer_norm_rms_epsilon": (F32, 1e-6),
        "tokenizer.ggml.model": (STRING, "gpt2"),
        "tokenizer.ggml.tokens": (ARRAY, (STRING, tokens)),
        "tokenizer.ggml.token_type": (ARRAY, (U32, [3] * 3 + [1] * (len(tokens) - 3))),
        "tokenizer.ggml.merges": (ARRAY, (STRING, merges)),
        **{
            f"tokenizer.ggml.{kind}_token_id": (U32, number)
            for kind, number in (("bos", 0), ("eos", 1), ("padding", 2))
        },
    }


def tensors(weights: Mapping[str, Any]) -> tuple[tuple[tuple[str, tuple[int, ...], int, int], ...], bytes]:
    """Their entries and their data."""
    entries, data = [], b""
    for name, weight in weights.items():
        named, values = as_llama_cpp(name.removesuffix(".weight"), weight)
        entries.append((f"{named}.weight", tuple(reversed(values.shape)), 0, len(data)))
        data += values.detach().float().contiguous().numpy().tobytes()
    return tuple(entries), data


def as_llama_cpp(name: str, weight: Any) -> tuple[str, Any]:
    """Its name and its values there: the halves of each head of queries and keys alternate."""
    if not name.startswith("model.layers."):
        return NAMES[name], weight
    _, _, layer, part = name.split(".", 3)
    heads = {"self_attn.q_proj": 4, "self_attn.k_proj": 2}.get(part)
    values = weight.reshape(heads, 2, -1, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape) if heads else weight
    return f"blk.{layer}.{NAMES[part]}", values


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same model as a directory of safetensors and as a GGUF file."""
    place = tmp_path_factory.mktemp("twins")
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**SIZES, initializer_range=0.2))
    model.save_pretrained(place / "plain")
    transformers.AutoTokenizer.from_pretrained(TINY_LLAMA).save_pretrained(place / "plain")
    (place / "m.gguf").write_bytes(gguf(values(), *tensors(model.state_dict())))
    return place / "plain", place / "m.gguf"


def measure(model: Path) -> Any:
    return run_experiment(
        ExperimentConfig(
            model=str(model), n=2, precision="fp32", max_output_tokens=6, dataset={"n": 2, "input_len": 8, "output_len": 6},
            warmup={"enabled": False}, baseline={"enabled": False}, energy={"backend": "null"}, pytorch={"device": "cpu"},
        )
    )  # fmt: skip


def test_a_gguf_file_has_the_weights_and_the_ids_of_its_twin(twins: tuple[Path, Path]) -> None:
    plain, file = twins
    ids = torch.tensor([[0, 5, 6, 7]])
    one = transformers.AutoModelForCausalLM.from_pretrained(plain, dtype="float32")
    other = transformers.AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype="float32")
    assert torch.equal(one(ids).logits, other(ids).logits)


def test_the_result_states_that_the_weights_were_dequantised(
    twins: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    plain, file = map(measure, twins)
    assert "GGUF tensors" not in capsys.readouterr().err  # a progress bar of transformers
    assert file.model_info.n_parameters == plain.model_info.n_parameters
    assert file.flops_exact == plain.flops_exact
    assert file.output_tokens == plain.output_tokens
    assert file.model_info.quantization is None
    assert any("the GGUF file were dequantised to fp32" in note for note in file.model_info.notes)
    assert not any("GGUF" in note for note in plain.model_info.notes)
