"""Runs that are forked from a process with torch: it has not touched CUDA, and they measure as any process does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.exceptions import ExperimentError, PreFlightError
from llenergymeasure.launch.fresh import FreshProcesses
from llenergymeasure.orchestration.orchestrator import Session
from tiny import TINY

pytestmark = [pytest.mark.torch, pytest.mark.slow]
pytest.importorskip("torch")

PLAIN = {**TINY, "energy": {"backend": "null"}, "pytorch": {"device": "cpu", "load_format": "dummy"}}
# torch as it would be on a machine with a GPU, where anything that initialises CUDA fails.
PRELOADED = """
import json, os
import torch

def initialised(*arguments):
    raise AssertionError("CUDA would be initialised")

asked = []

def is_available():
    asked.append(os.environ.get("PYTORCH_NVML_BASED_CUDA_CHECK"))
    return True

torch.cuda._lazy_init = torch.cuda.device_count = torch.cuda.get_device_capability = initialised
torch.cuda.is_available = is_available

from llenergymeasure.core.backends.registry import preload
preload("pytorch")
print(json.dumps({
    "asked_cuda": sorted({str(answer) for answer in asked} - {"1"}),
    "initialised": torch.cuda.is_initialized(),
    "threads": len(os.listdir("/proc/self/task")),
    "variable": os.environ.get("PYTORCH_NVML_BASED_CUDA_CHECK"),
}))
"""


@pytest.fixture(scope="module")
def fresh():
    with FreshProcesses(Session()) as fresh:
        yield fresh


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks into /proc")
def test_what_is_imported_before_a_fork_touches_no_gpu_and_starts_no_thread():
    environ = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
    }  # else OpenBLAS starts threads, which it ends by itself before a fork
    done = subprocess.run([sys.executable, "-c", PRELOADED], capture_output=True, text=True, check=True, env=environ)
    assert json.loads(done.stdout) == {"asked_cuda": [], "initialised": False, "threads": 1, "variable": None}


def test_experiments_in_turn(fresh, tmp_path):
    results = [fresh.measure(ExperimentConfig(**PLAIN), log=tmp_path / "log.txt") for _ in range(2)]
    assert [result.output_tokens for result in results] == [2, 2]
    assert results[0].measurement_config_hash == results[1].measurement_config_hash


def test_several_ranks_use_the_launcher_of_torch_and_do_the_same_number_of_passes(fresh):
    several = {"n": 3, "pytorch": {**PLAIN["pytorch"], "num_processes": 2}, "min_duration_seconds": 5}
    result = fresh.measure(ExperimentConfig(**{**PLAIN, **several}))
    assert result.n_passes > 1
    assert result.n_prompts == 3 * result.n_passes == len(result.tokens.output_tokens_per_prompt)
    assert {each["tokens"]["n_passes"] for each in result.process_results} == {result.n_passes}


def test_a_finding_of_the_other_process_is_a_finding_here(fresh):
    with pytest.raises(ExperimentError) as caught:
        fresh.measure(ExperimentConfig(**{**PLAIN, "dataset": "nowhere.jsonl"}))
    assert isinstance(caught.value.cause, PreFlightError)
    assert caught.value.failure_kind == "invalid"
