"""The cause of a failure in a process of vLLM is found in what it wrote, and this process keeps its stderr."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llenergymeasure.core.backends.vllm.processes.several import (
    VLLMProcessError,
    cause_in,
    errors_in_a_file,
    errors_of_processes,
    guarded,
    interrupts_arrive,
)

WRITTEN = b"""(EngineCore pid=7) ERROR 11-29 Traceback (most recent call last):
(EngineCore pid=7) ERROR 11-29 AssertionError: Not enough allowed NUMA nodes to bind threads.
Traceback (most recent call last):
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}
"""


def test_the_cause_is_the_last_error_that_does_not_only_point_to_another():
    assert cause_in(io.BytesIO(WRITTEN)) == "AssertionError: Not enough allowed NUMA nodes to bind threads."


def test_without_an_error_there_is_no_cause():
    assert cause_in(io.BytesIO(b"(Worker pid=7) WARNING Triton is not installed")) is None


def test_processes_started_in_the_block_write_to_the_file_and_those_after_it_do_not(capfd):
    write = [sys.executable, "-c", "import sys; sys.stderr.write('MemoryError: ' + sys.argv[1])"]
    with errors_in_a_file() as file:
        subprocess.run([*write, "inside"], check=True)
        assert cause_in(file) == "MemoryError: inside"
    os.write(2, b"outside")
    assert capfd.readouterr().err == "outside"


def test_an_error_that_only_points_to_another_process_is_replaced_by_its_cause():
    write = [sys.executable, "-c", "import sys; sys.stderr.write('MemoryError: no space')"]
    with pytest.raises(VLLMProcessError, match="MemoryError: no space"), errors_of_processes():
        subprocess.run(write, check=True)
        raise RuntimeError("Engine core initialization failed. See root cause above.")


def test_an_interrupt_that_the_block_ignores_arrives_all_the_same():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), interrupts_arrive():
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:  # as vLLM does
            pytest.fail("the interrupt was ignored")
    assert signal.getsignal(signal.SIGINT) == before


# Starts a process that outlives it, as those of vLLM do, prints its number, and waits to be killed.
MEASURES = """
import os, subprocess, sys, time
from llenergymeasure.core.backends.vllm.processes.several import guarded
with guarded() as all_started:
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    time.sleep(0.6)
    all_started()
    print(left.pid, flush=True)
    time.sleep(600)
"""


def runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.slow
def test_processes_end_with_a_process_that_is_killed():
    with subprocess.Popen([sys.executable, "-c", MEASURES], stdout=subprocess.PIPE, text=True) as measuring:
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
