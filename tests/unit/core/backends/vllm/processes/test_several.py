"""The cause of a failure in a process of vLLM is found in what it wrote, and this process keeps its stderr."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from llenergymeasure.core.backends.vllm.processes.several import (
    VLLMProcessError,
    cause_in,
    causes_in,
    guarded,
    interrupts_arrive,
    stderr_to,
)

WRITTEN = """(EngineCore pid=7) ERROR 11-29 Traceback (most recent call last):
(EngineCore pid=7) ERROR 11-29 AssertionError: Not enough allowed NUMA nodes to bind threads.
Traceback (most recent call last):
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""


def test_the_cause_is_the_last_error_that_does_not_only_point_to_another():
    assert cause_in(WRITTEN) == "AssertionError: Not enough allowed NUMA nodes to bind threads."


KILLED = """(EngineCore pid=7) ERROR 11-29 Worker proc VllmWorker-1 died unexpectedly, shutting down executor.
(EngineCore pid=7) ERROR 11-29 Traceback (most recent call last):
(EngineCore pid=7) ERROR 11-29 RuntimeError: cancelled
"""


def test_a_process_that_was_killed_is_named():
    assert cause_in(KILLED) == "Worker proc VllmWorker-1 died unexpectedly"


def test_without_an_error_there_is_no_cause():
    assert cause_in("(Worker pid=7) WARNING Triton is not installed") is None


WRITE = "import sys; sys.stderr.write(sys.stdin.readline()); sys.stderr.flush()"


def writing(file) -> subprocess.Popen:
    """A process that writes its first line of input to the file, as its stderr."""
    with stderr_to(file):
        return subprocess.Popen([sys.executable, "-c", WRITE], stdin=subprocess.PIPE, text=True)


def test_processes_started_in_the_block_write_to_the_file_and_this_one_does_not_after_it(capfd):
    with TemporaryFile() as file:
        writing(file).communicate("inside\n")
        file.seek(0)
        assert file.read() == b"inside\n"
    os.write(2, b"outside")
    assert capfd.readouterr().err == "outside"


@pytest.mark.parametrize("error", [RuntimeError("See root cause above."), TimeoutError("RPC call timed out.")])
def test_an_error_that_only_points_to_another_process_is_replaced_by_its_cause(error):
    with TemporaryFile() as file:
        process = writing(file)
        with pytest.raises(VLLMProcessError, match="MemoryError: no space"), causes_in(file):
            process.communicate("MemoryError: no space\n")
            raise error


def test_what_was_written_before_the_block_is_not_its_cause():
    with TemporaryFile() as file:
        process = writing(file)
        process.communicate("MemoryError: no space\n")
        with pytest.raises(ValueError, match="too long"), causes_in(file):
            raise ValueError("too long")


def test_without_other_processes_an_error_is_its_own_cause():
    with pytest.raises(ValueError, match="too long"), causes_in(None):
        raise ValueError("too long")


def test_an_interrupt_that_the_block_ignores_arrives_all_the_same():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interrupts_arrive():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:  # as vLLM does
            pytest.fail("the interrupt was ignored")
    assert signal.getsignal(signal.SIGINT) == before


# Starts a process that outlives it, as those of vLLM do, prints its number, and waits to be killed.
BEGIN = """
import os, subprocess, sys, time
from llenergymeasure.core.backends.vllm.processes.several import guarded
SLEEPS = [sys.executable, "-c", "import time; time.sleep(600)"]
with guarded() as all_started:
"""
# As one that has lost its environment with its title: only a look finds it.
LOOKED_AT = """
    left = subprocess.Popen(SLEEPS, env={})
    all_started()
    time.sleep(3)
"""
# After the last look: only its environment shows it.
MARKED = """
    environ = dict(os.environ)
    all_started()
    time.sleep(3)
    left = subprocess.Popen(SLEEPS, env=environ)
"""
END = """
    print(left.pid, flush=True)
    time.sleep(600)
"""


def runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("starts", [LOOKED_AT, MARKED], ids=["seen by the guard", "started after its last look"])
def test_processes_end_with_a_process_that_is_killed(starts):
    with subprocess.Popen([sys.executable, "-c", BEGIN + starts + END], stdout=subprocess.PIPE, text=True) as measuring:
        pid = int(measuring.stdout.readline())
        assert runs(pid)
        measuring.kill()
    end_s = time.monotonic() + 20
    while runs(pid) and time.monotonic() < end_s:
        time.sleep(0.1)
    assert not runs(pid)


def test_the_guard_ends_with_its_block():
    with guarded():
        inside = len(list(Path("/proc/self/task").glob("*/children")))
    assert inside


def test_what_is_started_after_the_processes_of_vllm_does_not_belong_to_them():
    before = dict(os.environ)
    with guarded() as all_started:
        assert dict(os.environ) != before
        all_started()
        assert dict(os.environ) == before
    assert dict(os.environ) == before
