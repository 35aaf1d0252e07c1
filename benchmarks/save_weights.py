"""Writes a model directory with weights, for tools that need one: python benchmarks/save_weights.py MODEL_DIR TARGET."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path


def main(model_dir: str, target: str) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(42)
    config = AutoConfig.from_pretrained(model_dir)
    AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).save_pretrained(target)
    for file in Path(model_dir).glob("*token*"):
        shutil.copy(file, target)


if __name__ == "__main__":
    main(*sys.argv[1:])
