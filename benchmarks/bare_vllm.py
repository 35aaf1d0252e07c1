"""A script that a user of vLLM would write without this tool: load, generate, count, save. `vllm_engine` compares with it.

python benchmarks/bare_vllm.py MODEL_DIR PROMPTS_JSONL N CONCURRENCY NEW_TOKENS OUTPUT_JSON
"""

from __future__ import annotations

import json
import sys
import time
from itertools import islice
from pathlib import Path


def main(model_dir: str, prompts: str, n: str, concurrency: str, new_tokens: str, output: str) -> None:
    from vllm import LLM, SamplingParams

    with Path(prompts).open(encoding="utf-8") as lines:
        texts = [json.loads(line)["prompt"] for line in islice(lines, int(n))]
    # Prefix caching would answer a part of the second call from the first one.
    llm = LLM(
        model_dir, load_format="dummy", dtype="bfloat16", max_model_len=512, max_num_seqs=int(concurrency),
        enforce_eager=True, enable_prefix_caching=False, seed=42,
    )  # fmt: skip
    tokenizer = llm.get_tokenizer()
    inputs = [{"prompt_token_ids": tokenizer.encode(text)[:256]} for text in texts]

    def generate(tokens: int):
        params = SamplingParams(temperature=0, max_tokens=tokens, min_tokens=tokens)
        return llm.generate(inputs, params, use_tqdm=False)

    generate(16)
    start_s = time.perf_counter()
    outputs = generate(int(new_tokens))
    seconds = time.perf_counter() - start_s
    tokens = sum(len(each.outputs[0].token_ids) for each in outputs)
    Path(output).write_text(json.dumps({"tokens": tokens, "seconds": seconds, "tokens_per_second": tokens / seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
