"""Small random models: the name of a `model_type`, and what its configuration needs beside the common sizes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers

from llenergymeasure.models.builtin import builtin_model_path

# Every key is given to a configuration only if the configuration has it.
SIZES: Mapping[str, Any] = {
    "hidden_size": 32, "n_embd": 32, "d_model": 32, "word_embed_proj_dim": 32, "embedding_size": 32,
    "intermediate_size": 64, "ffn_dim": 64, "n_inner": 64, "dff": 64, "ffn_hidden_size": 64,
    "num_hidden_layers": 2, "n_layer": 2, "num_layers": 2, "n_layers": 2, "decoder_layers": 2,
    "num_attention_heads": 4, "n_head": 4, "n_heads": 4, "num_heads": 4, "decoder_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "n_positions": 256, "n_ctx": 256, "max_position_embeddings": 256,
    "max_seq_len": 256, "rotary_dim": 4, "state_size": 8, "expand": 2,
    "num_experts": 4, "num_local_experts": 4, "n_routed_experts": 4, "moe_num_experts": 4, "num_experts_per_tok": 2,
    "moe_topk": 2, "moe_k": 2, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16, "n_shared_experts": 1,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip

# Attention through a low-rank projection: its head sizes are its own.
LATENT: Mapping[str, Any] = {
    "head_dim": None, "num_key_value_heads": 4, "q_lora_rank": 16, "kv_lora_rank": 16, "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 8, "v_head_dim": 8, "first_k_dense_replace": 1, "n_group": 1, "topk_group": 1,
}  # fmt: skip

# Families that need nothing beside the common sizes.
PLAIN = """
afmoe apertus arcee bloom codegen cohere cohere2 cohere2_moe cwm diffllama doge dots1 ernie4_5 ernie4_5_moe
exaone4 exaone_moe falcon falcon_mamba flex_olmo gemma gemma2 gemma3_text glm glm4 glm4_moe gpt2 gpt_bigcode
gpt_neox gpt_neox_japanese gpt_oss gptj granite granitemoe granitemoeshared helium hunyuan_v1_dense internlm3
jetmoe lfm2 llama llama4_text mamba minimax minimax_m2 ministral ministral3 mistral mixtral mpt nanochat
nemotron nemotron_h olmo olmo2 olmo3 olmoe opt persimmon phi phi3 phimoe qwen2 qwen2_moe qwen3 qwen3_moe rwkv
seed_oss smollm3 solar_open stablelm starcoder2 xglm openai-gpt
"""

MODELS: Mapping[str, Mapping[str, Any]] = {
    **{name: {} for name in PLAIN.split()},
    "bamba": {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1, "attn_layer_indices": [1]},
    "deepseek_v2": LATENT,
    "deepseek_v3": LATENT,
    "falcon_h1": {"mamba_d_ssm": 64, "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1},
    "gemma4_text": {
        "enable_moe_block": True, "top_k_experts": 2, "num_experts": 4, "moe_intermediate_size": 16, "global_head_dim": 8,
        "hidden_size_per_layer_input": 0,
    },
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "granitemoehybrid": {
        "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1, "layer_types": ["mamba", "attention"],
    },
    "mamba2": {"num_heads": 8, "head_dim": 8, "n_groups": 1},
    "minicpm3": LATENT,
    "qwen3_next": {
        "num_hidden_layers": 2, "layer_types": ["linear_attention", "full_attention"], "linear_num_value_heads": 4,
        "linear_num_key_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8,
    },
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "mamba_d_state": 8, "mamba_dt_rank": 4, "use_mamba_kernels": False},
    "recurrent_gemma": {"lru_width": 32, "block_types": ["recurrent", "attention"], "attention_window_size": 64},
}  # fmt: skip


def small_config(name: str, vocab_size: int) -> Any:
    """The configuration of a small model."""
    known = transformers.AutoConfig.for_model(name).to_dict()
    common = {key: value for key, value in {**SIZES, "vocab_size": vocab_size}.items() if key in known}
    return transformers.AutoConfig.for_model(name, **{**common, **MODELS[name]})


def make(name: str, folder: Path) -> Path:
    """Save a small model of random weights with a real tokenizer; the same weights each time."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(builtin_model_path("builtin/tiny-llama"))
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(small_config(name, len(tokenizer)))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
