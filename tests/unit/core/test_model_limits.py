"""What a model can embed, by its config.json; and prompts that it cannot."""

from __future__ import annotations

from typing import Any

import pytest

from llenergymeasure.core.model_limits import TABLES, ModelLimits, check_lengths, limits_of, positions_needed
from llenergymeasure.exceptions import BackendError

GPT2 = {"model_type": "gpt2", "n_positions": 64, "vocab_size": 100}
LLAMA = {"model_type": "llama", "max_position_embeddings": 2048, "vocab_size": 32000}


@pytest.mark.parametrize(
    ("config", "limits"),
    [
        (GPT2, ModelLimits(100, 64, True)),
        ({"model_type": "opt", "max_position_embeddings": 2048}, ModelLimits(None, 2048, True)),
        ({"model_type": "mpt", "max_seq_len": 2048}, ModelLimits(None, 2048, True)),
        ({"model_type": "gpt2", "max_position_embeddings": 32}, ModelLimits(None, 32, True)),  # as GGUF states it
        (LLAMA, ModelLimits(32000, 2048, False)),
        ({"model_type": "bloom", "vocab_size": 9}, ModelLimits(9, None, False)),
        ({"model_type": "falcon", "max_position_embeddings": 2048, "alibi": True}, ModelLimits(None, None, False)),
        ({"model_type": "falcon", "max_position_embeddings": 2048, "alibi": False}, ModelLimits(None, 2048, False)),
        ({"model_type": "xglm", "max_position_embeddings": 2048}, ModelLimits(None, None, False)),
        ({"model_type": "mamba", "vocab_size": 7}, ModelLimits(7, None, False)),
        (
            {"model_type": "gemma3", "text_config": {**LLAMA, "model_type": "gemma3_text"}},
            ModelLimits(32000, 2048, False),
        ),
        ({}, ModelLimits()),
        ({"model_type": "llama", "max_position_embeddings": "many", "vocab_size": True}, ModelLimits()),
        ({"model_type": "gpt2", "n_positions": None}, ModelLimits(None, None, True)),
    ],
)
def test_limits_are_read_from_the_configuration(config: dict[str, Any], limits: ModelLimits) -> None:
    assert limits_of(config) == limits


@pytest.mark.parametrize(
    ("scaling", "positions"),
    [
        ({"rope_scaling": {"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 2048}}, 8192),
        ({"rope_scaling": {"rope_type": "linear", "factor": 2.0}}, 4096),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 128}}, 2048),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 2}}, 4096),
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}, 2048),
        ({"rope_parameters": {"full_attention": {"rope_type": "default"}}}, 2048),
        ({"rope_scaling": None}, 2048),
        ({"rope_scaling": {"rope_type": "yarn", "factor": float("inf")}}, 2048),
        ({"rope_scaling": {"rope_type": "yarn", "factor": "4"}}, 2048),
    ],
)
def test_scaled_rotary_positions_reach_further(scaling: dict[str, Any], positions: int) -> None:
    assert limits_of({**LLAMA, **scaling}).positions == positions


def test_the_last_token_needs_no_position() -> None:
    assert positions_needed(10, 7) == 16


def test_prompts_that_fill_the_table_are_fine() -> None:
    check_lengths([[1] * 10, [1] * 58], 7, ModelLimits(100, 64, True))
    check_lengths([[1] * 5000], 7, ModelLimits(100, 64, False))
    check_lengths([[1] * 5000], 7, ModelLimits())
    check_lengths([], 7, ModelLimits(100, 64, True))


def test_one_position_more_is_refused_with_what_fits() -> None:
    with pytest.raises(BackendError) as caught:
        check_lengths([[1], [1] * 59], 7, ModelLimits(100, 64, True))
    assert str(caught.value).startswith(
        "a prompt of 59 tokens with 7 output tokens needs 65 positions, but the model has 64; set max_input_tokens: 58"
    )


def test_an_output_that_fills_the_table_alone_is_refused_with_what_fits() -> None:
    with pytest.raises(BackendError, match="set max_output_tokens to fewer than 64"):
        check_lengths([[1]], 65, ModelLimits(100, 64, True))


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["gpt2", "opt"])
def test_transformers_fails_exactly_beyond_the_limit(kind: str) -> None:
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    sizes = {
        "hidden_size": 16,
        "word_embed_proj_dim": 16,
        "ffn_dim": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
    }
    config = transformers.AutoConfig.for_model(kind, vocab_size=50, **{TABLES[kind]: 8}, **sizes, pad_token_id=0)
    limits = limits_of(config.to_dict())
    assert limits == ModelLimits(50, 8, True)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()

    def generate(n_input: int, n_output: int) -> None:
        ids = torch.full((1, n_input), 5)
        model.generate(ids, max_new_tokens=n_output, min_new_tokens=n_output, do_sample=False, pad_token_id=0)

    check_lengths([[5] * 6], 3, limits)
    generate(6, 3)
    with pytest.raises(BackendError):
        check_lengths([[5] * 6], 4, limits)
    with pytest.raises(IndexError):
        generate(6, 4)
