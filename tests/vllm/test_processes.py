"""Runs of the command line in processes of their own: they end with everything that they started, however they end."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
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


class Run:
    """A run in a session of its own, which ends with the block. It shows its progress on a terminal."""

    def __init__(self, folder: Path, *more: str, **environ: str) -> None:
        self._shown: list[bytes] = []
        self._screen, terminal = pty.openpty()
        self.process = subprocess.Popen(
            command(folder, *more), stdout=subprocess.PIPE, stderr=terminal, text=True, start_new_session=True,
            env={**os.environ, "HF_HUB_OFFLINE": "1", **environ},
        )  # fmt: skip
        os.close(terminal)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave nothing, also when the test fails."""
        while left := alive(self.process.pid):  # a process that is being killed may start another one
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        self.process.wait()
        self._reader.join(10)
        self.process.stdout.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the terminal closes with the last process
            while found := os.read(self._screen, 65536):
                self._shown.append(found)
        os.close(self._screen)

    @property
    def text(self) -> str:
        return b"".join(self._shown).decode("utf-8", "replace")

    def result(self) -> dict:
        """The result on stdout, after the end of the run."""
        out, _ = self.process.communicate(timeout=500)
        assert self.process.returncode == 0, self.text
        return json.loads(out)

    def nothing_is_left(self) -> None:
        """Wait until every process of the session has ended."""
        wait_until(lambda: not alive(self.process.pid), 60)
        self._reader.join(10)


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


def command_of(pid: int) -> bytes:
    """The name and arguments of a process; nothing of one that has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def wait_until(condition, seconds: float = 240.0) -> None:
    end_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end_s, "it took too long"
        time.sleep(0.2)


def test_a_run_prints_its_result_and_nothing_else(tmp_path):
    with Run(tmp_path, "--json", "--set", "max_output_tokens=16") as run:
        result = run.result()
    assert result["output_tokens"] == 128
    assert result["latency"]["ttft"]["count"] == 8
    assert result["latency"]["itl"]["count"] > 0
    assert result["peak_memory_mb"] > 0
    assert result["flops_exact"] > 0
    assert result["scheduler"]["preemptions"] == 0


def test_speculative_decoding_arrives(tmp_path):
    speculative = "vllm.speculative={model: ngram, num_tokens: 3}"
    with Run(tmp_path, "--json", "--set", "max_output_tokens=16", "--set", speculative) as run:
        result = run.result()
    assert result["effective_settings"]["speculative"] == {"model": "ngram", "num_tokens": 3}
    assert result["output_tokens"] == 128
    assert result["flops_exact"] is None


def test_tensor_parallel_arrives_and_its_processes_end(tmp_path):
    with Run(
        tmp_path, "--json", "--set", "max_output_tokens=16", "--set", "vllm.tensor_parallel_size=2", **ON_ONE_NODE
    ) as run:
        result = run.result()
        assert result["effective_settings"]["tensor_parallel_size"] == 2
        assert result["peak_memory_mb"] is None
        run.nothing_is_left()


def test_the_cause_of_a_failure_in_a_process_of_vllm_is_named_without_a_traceback(tmp_path):
    with Run(tmp_path, "--set", "vllm.tensor_parallel_size=2", VLLM_CPU_OMP_THREADS_BIND="no such CPUs|1") as run:
        assert run.process.wait(timeout=300) == 1
        run.nothing_is_left()
        assert "Traceback" not in run.text
        assert "root cause above" not in run.text


def test_a_process_of_vllm_that_is_killed_while_it_generates_is_the_cause(tmp_path):
    with Run(
        tmp_path, "--set", "max_output_tokens=400", "--set", "min_duration_seconds=600",
        "--set", "vllm.tensor_parallel_size=2", **ON_ONE_NODE,
    ) as run:  # fmt: skip
        wait_until(lambda: "measuring" in run.text or run.process.poll() is not None)
        workers = [pid for pid in alive(run.process.pid) if b"Worker" in command_of(pid)]
        os.kill(workers[-1], signal.SIGKILL)
        assert run.process.wait(timeout=300) == 1
        run.nothing_is_left()
        # vLLM finds the end in its scheduler or in its executor, whichever is first.
        assert re.search(r"(died unexpectedly|Executor failed\.?); a process of vLLM ended or hangs", run.text), (
            run.text
        )
        assert "Traceback" not in run.text


@pytest.mark.parametrize("devices", [1, 2])
@pytest.mark.parametrize("when", ["loading", "measuring"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["SIGINT", "kill -9"])
def test_a_run_that_is_ended_leaves_no_process(tmp_path, number, when, devices):
    with Run(
        tmp_path, "--set", "max_output_tokens=400", "--set", "min_duration_seconds=600",
        "--set", f"vllm.tensor_parallel_size={devices}", **(ON_ONE_NODE if devices > 1 else {}),
    ) as run:  # fmt: skip
        wait_until(lambda: when in run.text or run.process.poll() is not None)
        if when == "loading" and devices > 1:
            wait_until(lambda: len(alive(run.process.pid)) > devices or run.process.poll() is not None)
        if when == "measuring":
            time.sleep(2)
        assert run.process.poll() is None, run.text
        run.process.send_signal(number)
        run.process.wait(timeout=120)
        run.nothing_is_left()
        assert "Traceback" not in run.text
