"""A release gives the memory back and leaves the process as it was."""

from __future__ import annotations

import logging
import os
import random
import signal
import threading
from pathlib import Path

import pytest

from llenergymeasure.exceptions import BackendError
from waiting import until


def own_mb() -> float:
    """Memory without the pages of files, which the kernel drops and reads again as other processes need memory."""
    _, resident, shared, *_ = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(engine_of, **fields):
    with engine_of(**fields) as engine:
        engine.run(engine.prepare([[5, 6, 7]] * 4)).records()
        return own_mb()


def test_the_second_measurement_needs_no_more_memory_than_the_first(engine_of):
    """A KV cache of 512 MiB would be seen."""
    cache = {"passthrough_kwargs": {"kv_cache_memory_bytes": 2**29}}
    measure(engine_of, **cache)  # imports, and memory that libraries keep
    after_first = own_mb()
    loaded = measure(engine_of, **cache)
    after_second = own_mb()
    assert loaded - after_second > 400
    assert after_second - after_first < 60


@pytest.mark.slow
def test_ten_measurements_leave_no_memory_behind(engine_of):
    left = []
    for _ in range(10):
        measure(engine_of)
        left.append(own_mb())
    assert left[-1] - left[2] < 60


def test_the_process_is_as_before(engine_of):
    np, torch = pytest.importorskip("numpy"), pytest.importorskip("torch")
    logger = logging.getLogger("vllm")

    def state():
        return {
            "environment": dict(os.environ),
            "SIGINT": signal.getsignal(signal.SIGINT),
            "SIGTERM": signal.getsignal(signal.SIGTERM),
            "CPUs": os.sched_getaffinity(0),
            "setter of threads": torch.set_num_threads,
            "random numbers": random.getstate(),
            "random numbers of numpy": np.random.get_state()[1].tolist(),
            "random numbers of torch": torch.get_rng_state().tolist(),
            "log": (logger.handlers[:], logger.level, logger.propagate),
            "process group": torch.distributed.is_initialized(),
        }

    before = state()
    measure(engine_of)
    assert state() == before


def test_variables_that_are_set_while_a_model_is_loaded_are_kept(engine_of):
    with engine_of():
        os.environ["OF_THE_CALLER"] = "1"
    assert os.environ.pop("OF_THE_CALLER") == "1"


def test_a_second_model_at_the_same_time_is_refused(engine_of):
    with engine_of() as engine:
        with pytest.raises(BackendError, match="release that model first"), engine_of():
            pass
        assert engine.run(engine.prepare([[5, 6]])).records().requests[0].output_tokens == 16


def test_no_thread_is_left(engine_of):
    measure(engine_of)
    before = threading.active_count()
    measure(engine_of)
    assert until(lambda: threading.active_count() <= before, 10)


def test_nothing_is_written_to_stdout(engine_of, capfd):
    measure(engine_of)
    assert capfd.readouterr().out == ""
