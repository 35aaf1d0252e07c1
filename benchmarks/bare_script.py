"""A script that a user would write without this tool: load, generate, count, save. `overhead` compares with it.

python benchmarks/bare_script.py MODEL_DIR PROMPTS_JSONL N BATCH NEW_TOKENS OUTPUT_JSON
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main(model_dir: str, prompts: str, n: str, batch: str, new_tokens: str, output: str) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    with Path(prompts).open(encoding="utf-8") as lines:
        texts = [json.loads(line)["prompt"] for _, line in zip(range(int(n)), lines)]
    tokenizer = AutoTokenizer.from_pretrained(model_dir, padding_side="left")
    torch.manual_seed(42)
    config = AutoConfig.from_pretrained(model_dir)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16).eval()
    groups = [texts[i : i + int(batch)] for i in range(0, len(texts), int(batch))]
    batches = [tokenizer(group, return_tensors="pt", padding=True, truncation=True, max_length=256) for group in groups]

    def generate(inputs, tokens):
        return model.generate(**inputs, max_new_tokens=tokens, min_new_tokens=tokens, do_sample=False)

    generate(max(batches, key=lambda inputs: inputs["input_ids"].shape[1]), 16)
    start_s = time.perf_counter()
    outputs = [generate(inputs, int(new_tokens)) for inputs in batches]
    seconds = time.perf_counter() - start_s
    tokens = sum(ids.shape[0] * (ids.shape[1] - inputs["input_ids"].shape[1]) for ids, inputs in zip(outputs, batches))
    Path(output).write_text(json.dumps({"tokens": tokens, "seconds": seconds, "tokens_per_second": tokens / seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
