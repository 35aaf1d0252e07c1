"""The cost of a fresh process per run, forked from a server, compared with measuring in process and with a new interpreter."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Callable, Iterator

from benchmarks.pairs import Row, alternate, ratio_row, run_process
from llenergymeasure import ExperimentConfig, ExperimentResult
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
    """Both rows with one server. Its objects are frozen for the garbage collector, and so are those of this process.

    All runs use one thread: a benchmark before this one may have set it for this process, and the server would not know.
    """
    import torch

    torch.set_num_threads(1)
    session = Session(progress=Silent(), environ={**os.environ, "OMP_NUM_THREADS": "1"})
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


def window_row(fresh: FreshProcesses, session: Session, pairs: int = 100) -> Row:
    """Tokens per CPU second in the window of a forked run over those of a run in process.

    CPU seconds on one thread, because they scatter less than wall time and mean the same, see `overhead`.
    """
    config = experiment(n=4, new_tokens=16, n_warmup=4)
    found = alternate(
        lambda: tokens_per_cpu_second(fresh.measure(config)),
        lambda: tokens_per_cpu_second(measure_once(config, session)),
        pairs,
    )
    name = "tokens per CPU second in the window of a forked run over in process"
    return ratio_row(name, found, ">= 0.99", lambda x: x >= 0.99)


def tokens_per_cpu_second(result: ExperimentResult) -> float:
    """Output tokens of a run on one thread, over the CPU seconds of its window."""
    assert result.host.threads == 1
    return result.tokens.output_tokens / result.host.cpu_seconds


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
