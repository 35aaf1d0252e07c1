"""Writes a GGUF model as a folder of Hugging Face files: weights in one number format, tokenizer, configuration. Offline.

Several engines can then load the same weights. transformers dequantises them, exactly as it does when it measures a GGUF file.

python scripts/gguf_to_folder.py MODEL FOLDER [--dtype bfloat16]
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path


def write(file: Path, folder: Path, dtype: str) -> None:
    """Dequantise a GGUF file into a folder, which appears only when it is complete."""
    import torch  # noqa: PLC0415 - the help of the script needs no torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig  # noqa: PLC0415 - as torch

    source, name = str(file.parent), file.name
    half = folder.with_name(f".{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    plain = GgufConfig(dequantize=True)  # otherwise some releases keep the blocks of the file, which cannot be saved
    numbers = getattr(torch, dtype)
    model = AutoModelForCausalLM.from_pretrained(source, gguf_file=name, dtype=numbers, quantization_config=plain)
    model.save_pretrained(half)
    AutoTokenizer.from_pretrained(source, gguf_file=name).save_pretrained(half)
    half.rename(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("model", help="path of a GGUF file, or builtin/smollm2-135m")
    parser.add_argument("folder", type=Path, help="a folder that does not exist yet")
    parser.add_argument("--dtype", default="bfloat16", help="number format of the weights")
    options = parser.parse_args()
    if options.folder.exists():
        parser.error(f"{options.folder} exists already; name another folder, or remove it")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from llenergymeasure.models.gguf import gguf_path  # noqa: PLC0415 - after the check of the arguments

    options.folder.parent.mkdir(parents=True, exist_ok=True)
    write(gguf_path(options.model), options.folder, options.dtype)
    print(f"{options.folder}: {options.model} in {options.dtype}")


if __name__ == "__main__":
    main()
