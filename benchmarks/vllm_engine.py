"""The cost of measuring vLLM: the window beside a bare `llm.generate`, a whole run beside a bare script, and the stamps.

Everything runs in .venv-vllm; without it there are no figures.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.environments import found_in
from benchmarks.overhead import against_bare
from benchmarks.pairs import ROOT, Line, Row, difference_row, ratio_row
from llenergymeasure.datasets.loader import BUILTIN_DATASETS
from llenergymeasure.models.builtin import builtin_model_path

PYTHON = ROOT / ".venv-vllm" / "bin" / "python"
MODEL = "builtin/tiny-llama"
WINDOW_PAIRS = 40
PROCESS_PAIRS = 4
PEER_PAIRS = 2
NOT_RUN = "vllm_engine: not run: make vllm first"
# Both processes keep their engine to themselves and to the same memory and threads.
ENVIRON = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_NO_USAGE_STATS": "1"}
Pairs = list[tuple[float, float]]


def rows(python: Path = PYTHON) -> Iterator[Row | Line]:
    """The rows; one line with the reason where vLLM is not installed."""
    if not python.exists():
        yield Line(NOT_RUN)
        return
    os.environ.update(ENVIRON)
    yield from window_rows(found_in(python, "benchmarks.vllm_pairs", WINDOW_PAIRS))
    yield from process_rows(python)


def window_rows(found: dict[str, Any]) -> Iterator[Row | Line]:
    """The window over the bare loop, the stamps over a clock outside, and the versions."""
    name = "vllm: tokens/s in the window over a bare llm.generate"
    yield ratio_row(name, found["windows"], ">= 0.99", lambda x: x >= 0.99)
    name = "vllm: time to first token by stamps over a clock outside"
    yield ratio_row(name, found["first_tokens"], "0.95 to 1", lambda x: 0.95 <= x <= 1)
    yield Line("in .venv-vllm: " + ", ".join(f"{name} {version}" for name, version in found["versions"].items()))


def process_rows(python: Path) -> Iterator[Row]:
    """Wall time and peak memory of a whole process over those of the bare script doing the same work."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        wall, memory = against_bare(ours(python, place), bare(python, place), PROCESS_PAIRS)
        peer_wall, _ = against_bare(bare(python, place, "peer_vllm.py"), bare(python, place), PEER_PAIRS)
    yield ratio_row("vllm: wall time of `llem run` over the bare script", wall, "<= 1.10", lambda x: x <= 1.10)
    yield ratio_row("vllm: wall time of `vllm bench throughput` over it", peer_wall, "peer", lambda _: True)
    yield difference_row("vllm: peak memory of `llem run` over the bare script", memory, "MB", "-", lambda _: True)


def ours(python: Path, place: Path) -> list[str]:
    """`llem run` without waiting times: 24 prompts, 8 at the same time, 32 new tokens each."""
    settings = (
        "max_input_tokens=256", "max_output_tokens=32", "min_output_tokens=32", "energy.backend=null",
        "baseline.enabled=false", "warmup.thermal_floor_seconds=0", "warmup.n_warmup=1",
        "vllm.max_model_len=512", "vllm.max_num_seqs=8", "vllm.enforce_eager=true", "vllm.load_format=dummy",
    )  # fmt: skip
    run = [str(python), "-m", "llenergymeasure", "run", "--model", MODEL, "--backend", "vllm", "-n", "24", "--quiet"]
    return [*run, "--output", str(place / "results"), *(part for one in settings for part in ("--set", one))]


def bare(python: Path, place: Path, script_name: str = "bare_vllm.py") -> list[str]:
    """The bare script, or that of the peer, with the same work."""
    script, prompts = str(ROOT / "benchmarks" / script_name), str(BUILTIN_DATASETS["aienergyscore"].file)
    return [str(python), script, str(builtin_model_path(MODEL)), prompts, "24", "8", "32", str(place / "bare.json")]
