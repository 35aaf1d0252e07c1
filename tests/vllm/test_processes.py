"""Runs of the command line in processes of their own: they end with everything that they started, however they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

QUICK = (
    "--set", "vllm.enforce_eager=true", "--set", "vllm.max_model_len=512", "--set", "baseline.enabled=false",
    "--set", "warmup.thermal_floor_seconds=0", "--set", "warmup.n_warmup=1", "--set", "energy.backend=null",
    "--set", "passthrough_kwargs.kv_cache_memory_bytes=134217728", "--set", "max_input_tokens=64",
)  # fmt: skip


def command(folder: Path, *more: str) -> list[str]:
    base = [sys.executable, "-m", "llenergymeasure", "run", "--model", "builtin/tiny-llama", "--backend", "vllm"]
    return [*base, "--output", str(folder / "results"), "-n", "8", *QUICK, *more]


# vLLM for CPUs binds each process to a memory node; this machine may have one.
ON_ONE_NODE = {"VLLM_CPU_OMP_THREADS_BIND": "0|1"}


def started(folder: Path, *more: str, **environ: str) -> subprocess.Popen[str]:
    """A run in a session of its own, so that everything it starts can be found."""
    with (folder / "err.txt").open("w", encoding="utf-8") as err:
        return subprocess.Popen(
            command(folder, *more), stdout=subprocess.PIPE, stderr=err, text=True, start_new_session=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1", **environ},
        )  # fmt: skip


def alive(session: int) -> list[int]:
    """Processes of a session that run, without those that wait to be collected by their parent."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            fields = (entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def wait_until(condition, seconds: float = 240.0) -> None:
    end_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end_s, "it took too long"
        time.sleep(0.2)


def text(folder: Path) -> str:
    return (folder / "err.txt").read_text(encoding="utf-8")


def result_of(folder: Path, *more: str) -> dict:
    run = started(folder, "--json", *more)
    out, _ = run.communicate(timeout=500)
    assert run.returncode == 0, text(folder)
    return json.loads(out)


def test_a_run_prints_its_result_and_nothing_else(tmp_path):
    result = result_of(tmp_path, "--set", "max_output_tokens=16")
    assert result["output_tokens"] == 128
    assert result["latency"]["ttft"]["count"] == 8
    assert result["latency"]["itl"]["count"] > 0
    assert result["peak_memory_mb"] > 0
    assert result["flops_exact"] > 0
    assert result["scheduler"]["preemptions"] == 0


def test_speculative_decoding_arrives(tmp_path):
    result = result_of(
        tmp_path, "--set", "max_output_tokens=16", "--set", "vllm.speculative={model: ngram, num_tokens: 3}"
    )
    assert result["effective_settings"]["speculative"] == {"model": "ngram", "num_tokens": 3}
    assert result["output_tokens"] == 128
    assert result["flops_exact"] is None


def test_tensor_parallel_arrives_and_its_processes_end(tmp_path):
    run = started(
        tmp_path, "--json", "--set", "max_output_tokens=16", "--set", "vllm.tensor_parallel_size=2", **ON_ONE_NODE
    )
    out, _ = run.communicate(timeout=500)
    assert run.returncode == 0, text(tmp_path)
    assert json.loads(out)["effective_settings"]["tensor_parallel_size"] == 2
    wait_until(lambda: not alive(run.pid), 30)


def test_the_cause_of_a_failure_in_a_process_of_vllm_is_named_without_a_traceback(tmp_path):
    run = started(tmp_path, "--set", "vllm.tensor_parallel_size=2", VLLM_CPU_OMP_THREADS_BIND="no such CPUs|1")
    run.communicate(timeout=300)
    assert run.returncode == 1
    assert "Traceback" not in text(tmp_path)
    assert "root cause above" not in text(tmp_path)
    wait_until(lambda: not alive(run.pid), 30)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["SIGINT", "kill -9"])
@pytest.mark.parametrize("when", ["loading", "generating"])
@pytest.mark.parametrize("devices", [1, 2])
def test_a_run_that_is_ended_leaves_no_process(tmp_path, number, when, devices):
    run = started(
        tmp_path, "--set", "max_output_tokens=400", "--set", "min_duration_seconds=600",
        "--set", f"vllm.tensor_parallel_size={devices}", **(ON_ONE_NODE if devices > 1 else {}),
    )  # fmt: skip
    shown = {"loading": "loading", "generating": "measuring"}[when]
    wait_until(lambda: shown in text(tmp_path) or run.poll() is not None)
    assert run.poll() is None, text(tmp_path)
    if when == "loading" and devices == 2:
        wait_until(lambda: len(alive(run.pid)) > 2)  # vLLM's processes are there
    run.send_signal(number)
    run.wait(timeout=120)
    wait_until(lambda: not alive(run.pid), 60)
    assert "Traceback" not in text(tmp_path)
