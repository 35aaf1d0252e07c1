"""The cost of a fresh process per run, forked from a server, compared with measuring in process and with a new interpreter."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator

from benchmarks.pairs import Row, alternate, ratio_row, run_process
from llenergymeasure import ExperimentConfig
from llenergymeasure.launch.fresh import FreshProcesses
from llenergymeasure.launch.open import measure_once
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.progress import Silent

IMPORT = [sys.executable, "-c", "import torch, transformers"]
FIXED = {
    "model": "builtin/tiny-llama", "precision": "fp32", "max_input_tokens": 32, "energy": {"backend": "null"},
    "baseline": {"enabled": False}, "pytorch": {"device": "cpu", "load_format": "dummy"},
}  # fmt: skip


def rows() -> Iterator[Row]:
    """Both rows with one server. Its objects are frozen for the garbage collector, and so are those of this process."""
    session = Session(progress=Silent())
    measure_once(experiment(n=1, new_tokens=2, n_warmup=1), session)
    gc.collect()
    gc.freeze()
    with FreshProcesses(session) as fresh:
        yield cost_row(fresh, session)
        yield window_row(fresh, session)


def cost_row(fresh: FreshProcesses, session: Session, pairs: int = 15) -> Row:
    """Wall seconds of a run beyond those in process, over those of an interpreter that imports the libraries."""
    config = experiment(n=1, new_tokens=2, n_warmup=1)

    def beyond() -> float:
        ((forked_s, here_s),) = alternate(
            lambda: timed(lambda: fresh.measure(config)), lambda: timed(lambda: measure_once(config, session)), 1
        )
        return forked_s - here_s

    beyond(), run_process(IMPORT)
    found = alternate(beyond, lambda: run_process(IMPORT).wall_s, pairs)
    name = "a forked run beyond one in process, over an import of torch"
    return ratio_row(name, found, "<= 0.1", lambda x: x <= 0.1)


def window_row(fresh: FreshProcesses, session: Session, pairs: int = 40) -> Row:
    """Tokens per second in the window of a forked run over those of a run in process."""
    config = experiment(n=4, new_tokens=16, n_warmup=4)

    def forked() -> float:
        return fresh.measure(config).tokens_per_second

    def here() -> float:
        return measure_once(config, session).tokens_per_second

    found = alternate(forked, here, pairs)
    return ratio_row("tokens/s in the window of a forked run over in process", found, ">= 0.99", lambda x: x >= 0.99)


def experiment(n: int, new_tokens: int, n_warmup: int) -> ExperimentConfig:
    """So many prompts and tokens, without waits."""
    return ExperimentConfig(
        **FIXED, n=n, max_output_tokens=new_tokens, min_output_tokens=new_tokens,
        warmup={"n_warmup": n_warmup, "thermal_floor_seconds": 0},
    )  # fmt: skip


def timed(work: Callable[[], object]) -> float:
    """Wall seconds of some work."""
    start_s = time.perf_counter()
    work()
    return time.perf_counter() - start_s
