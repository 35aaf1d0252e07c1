#!/usr/bin/env python3
"""Write the embedded model `builtin/tiny-llama`: a real Llama architecture and a real tokenizer, without weights.

The tokenizer is a byte-level BPE trained on the built-in prompt set, so it needs no download and any text round-trips.
The weights are drawn from the seed when the model is loaded with `load_format: dummy`: 7.6 million parameters.
Usage: python scripts/make_tiny_llama.py [--output DIRECTORY]     (needs the `tokenizers` package)
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

PACKAGE = Path(__file__).resolve().parents[1] / "src/llenergymeasure"
PROMPTS = PACKAGE / "datasets/builtin/aienergyscore.jsonl"
OUTPUT = PACKAGE / "models/tiny_llama"

BOS, EOS, PAD = SPECIAL_TOKENS = ("<s>", "</s>", "<pad>")
BOS_ID, EOS_ID, PAD_ID = range(3)
VOCAB_SIZE = 8_192
MAX_TOKENS = 4_096

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": BOS_ID,
    "dtype": "float32",
    "eos_token_id": EOS_ID,
    "head_dim": 32,
    "hidden_act": "silu",
    "hidden_size": 256,
    "initializer_range": 0.02,
    "intermediate_size": 688,
    "max_position_embeddings": MAX_TOKENS,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 8,
    "num_hidden_layers": 8,
    "num_key_value_heads": 2,
    "pad_token_id": PAD_ID,
    "rms_norm_eps": 1e-05,
    "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "use_cache": True,
    "vocab_size": VOCAB_SIZE,
}

GENERATION_CONFIG: dict[str, Any] = {
    "bos_token_id": BOS_ID,
    "do_sample": False,
    "eos_token_id": EOS_ID,
    "pad_token_id": PAD_ID,
}

# Left padding, because a decoder continues its row at the right edge.
TOKENIZER_CONFIG: dict[str, Any] = {
    "bos_token": BOS,
    "clean_up_tokenization_spaces": False,
    "eos_token": EOS,
    "model_input_names": ["input_ids", "attention_mask"],
    "model_max_length": MAX_TOKENS,
    "pad_token": PAD,
    "padding_side": "left",
    "tokenizer_class": "PreTrainedTokenizerFast",
    "truncation_side": "right",
}


def prompts() -> Iterator[str]:
    """The texts of the built-in prompt set."""
    with PROMPTS.open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)["prompt"]


def train_tokenizer() -> Tokenizer:
    """A byte-level BPE of VOCAB_SIZE entries, special ones included; it puts `<s>` before a text, as Llama's does."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(prompts(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, BOS_ID)]
    )
    return tokenizer


def make_files() -> dict[str, str]:
    """File name -> content of everything the directory holds."""
    tables = {
        "config.json": CONFIG,
        "generation_config.json": GENERATION_CONFIG,
        "tokenizer_config.json": TOKENIZER_CONFIG,
    }
    texts = {name: json.dumps(table, indent=2) + "\n" for name, table in tables.items()}
    return texts | {"tokenizer.json": train_tokenizer().to_str() + "\n"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the files of builtin/tiny-llama.")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="directory to write to (default: the package's)")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    for name, text in make_files().items():
        (output / name).write_bytes(text.encode("utf-8"))


if __name__ == "__main__":
    main()
