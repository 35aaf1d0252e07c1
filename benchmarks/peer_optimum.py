"""The work of `bare_script.py` through optimum-benchmark, in its own environment.

python benchmarks/peer_optimum.py MODEL_DIR N BATCH NEW_TOKENS OUTPUT_JSON
"""

from __future__ import annotations

import sys


def main(model_dir: str, n: str, batch: str, new_tokens: str, output: str) -> None:
    from optimum_benchmark import Benchmark, BenchmarkConfig, InferenceConfig, InlineConfig, PyTorchConfig

    tokens = int(new_tokens)
    scenario = InferenceConfig(
        iterations=int(n) // int(batch),
        duration=0,
        warmup_runs=1,
        input_shapes={"batch_size": int(batch), "sequence_length": 256},
        generate_kwargs={"max_new_tokens": tokens, "min_new_tokens": tokens},
        latency=True,
        memory=True,
    )
    backend = PyTorchConfig(
        model=model_dir,
        task="text-generation",
        library="transformers",
        device="cpu",
        torch_dtype="bfloat16",
    )
    Benchmark.launch(
        BenchmarkConfig(name="peer", launcher=InlineConfig(), scenario=scenario, backend=backend)
    ).save_json(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
