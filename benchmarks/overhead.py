"""What measuring costs: the window against a bare `generate` loop, and a whole run against a bare script."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.pairs import PAIRS, Row, alternate, difference_row, ratio_row, run_process

MODEL = "builtin/tiny-llama"


def rows() -> Iterator[Row]:
    """The whole process first: a child's peak memory begins at its parent's, which must not hold torch yet."""
    yield from process_rows()
    yield from (window_row(batch_size) for batch_size in (1, 8))


def window_row(batch_size: int, pairs: int = PAIRS, n: int = 8, new_tokens: int = 48) -> Row:
    """Tokens per second in our window over those of a bare loop on the same batches of the same model."""
    from llenergymeasure import ExperimentConfig
    from llenergymeasure.core.backends.pytorch.loading import TransformersLoader
    from llenergymeasure.core.clock import SystemClock
    from llenergymeasure.core.energy.null import NullMeter
    from llenergymeasure.core.window import measure_window
    from llenergymeasure.datasets.loader import open_dataset

    config = ExperimentConfig(
        model=MODEL, n=n, max_output_tokens=new_tokens, min_output_tokens=new_tokens,
        pytorch={"batch_size": batch_size, "load_format": "dummy"},
    )  # fmt: skip
    clock = SystemClock()
    engine = TransformersLoader(clock).load(config)
    prompts = open_dataset(config.dataset, config.n, config.random_seed)
    batches = engine.prepare([ids[:256] for ids in prompts.token_ids(engine.tokenizer)])
    model = engine._model

    def ours() -> float:
        raw = measure_window(engine, batches, NullMeter(), clock)
        return 1 / (raw.end_s - raw.start_s)

    def bare() -> float:
        start_s = time.perf_counter()
        for batch in batches:
            model.generate(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask, max_new_tokens=new_tokens,
                min_new_tokens=new_tokens, do_sample=False, pad_token_id=engine.tokenizer.pad_id,
            )  # fmt: skip
        return 1 / (time.perf_counter() - start_s)

    ours(), bare()
    found = alternate(ours, bare, pairs)
    return ratio_row(
        f"tokens/s in the window over a bare loop, batch {batch_size}", found, ">= 0.99", lambda x: x >= 0.99
    )


def process_rows(pairs: int = PAIRS) -> Iterator[Row]:
    """Wall time and peak memory of `llem run`, waits off, against the bare script doing the same work."""
    from llenergymeasure.datasets.loader import BUILTIN_DATASETS
    from llenergymeasure.models.builtin import builtin_model_path

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        ours = [
            sys.executable, "-m", "llenergymeasure", "run", "--model", MODEL, "-n", "16", "--batch-size", "4", "--quiet",
            "--output", str(place / "results"), "--set", "max_input_tokens=256", "--set", "max_output_tokens=48",
            "--set", "min_output_tokens=48", "--set", "energy.backend=null", "--set", "baseline.enabled=false",
            "--set", "warmup.thermal_floor_seconds=0", "--set", "warmup.n_warmup=1",
        ]  # fmt: skip
        prompts = str(BUILTIN_DATASETS["aienergyscore"].file)
        script = str(Path(__file__).with_name("bare_script.py"))
        bare = [
            sys.executable,
            script,
            str(builtin_model_path(MODEL)),
            prompts,
            "16",
            "4",
            "48",
            str(place / "bare.json"),
        ]
        run_process(ours), run_process(bare)
        found = [(run_process(ours), run_process(bare)) for _ in range(pairs)]
    wall = [(a.wall_s, b.wall_s) for a, b in found]
    memory = [(a.peak_mb, b.peak_mb) for a, b in found]
    yield ratio_row("wall time of `llem run` over the bare script", wall, "<= 1.10", lambda x: x <= 1.10)
    yield difference_row("peak memory of `llem run` over the bare script", memory, "MB", "<= 40", lambda x: x <= 40)
