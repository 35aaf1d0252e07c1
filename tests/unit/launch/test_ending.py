"""Why a result is missing: what kind of failure it is, in words and as data."""

from __future__ import annotations

import signal

import pytest

from llenergymeasure.exceptions import BackendError, OutOfMemory, PreFlightError, ProcessFailed, ProcessGroupError
from llenergymeasure.launch.ending import Ending, killed_for_memory
from llenergymeasure.launch.failure import failure_of
from llenergymeasure.launch.request import Reply

FAILED = Reply(failure=failure_of(BackendError("the model has no tokenizer")))
OUT_OF_MEMORY = Reply(failure=failure_of(OutOfMemory("out of memory; lower pytorch.batch_size")))
GONE = Reply(failure=failure_of(ProcessGroupError("another process has ended")))
KILLED = 128 + signal.SIGKILL


@pytest.mark.parametrize(
    ("ending", "kind", "words"),
    [
        (Ending({0: FAILED}), "error", "the model has no tokenizer"),
        (Ending({0: OUT_OF_MEMORY}, exit_code=1), "out_of_memory", "out of memory; lower pytorch.batch_size"),
        (Ending({0: Reply()}, time_limit_s=90.0), "timeout", "the run did not end within its time limit of 90 s"),
        (Ending({}, silent=(0,)), "hung", "the process of the experiment did not answer for 20 s and was ended"),
        (
            Ending({}, exit_code=KILLED, output=("loading", "at 3 %")),
            "killed",
            "the process of the experiment exited without a result (exit code 137; killed by a signal): at 3 %",
        ),
        (
            Ending({}, exit_code=KILLED, system_killed=True),
            "out_of_memory",
            "the process of the experiment exited without a result (exit code 137; killed by the system, out of memory): "
            "nothing was written",
        ),
        (
            Ending({0: GONE}, exit_code=128 + signal.SIGTERM, system_killed=True),
            "killed",
            "the process of the experiment exited without a result (exit code 143; killed by a signal): nothing was written",
        ),
        (
            Ending({}, exit_code=128 + signal.SIGSEGV, output=("Segmentation fault",)),
            "crash",
            "the process of the experiment exited without a result (exit code 139; a crash): Segmentation fault",
        ),
        (
            Ending({}, exit_code=128 + signal.SIGSEGV, output=("loading", "Fatal Python error: Aborted", "  File x")),
            "crash",
            "the process of the experiment exited without a result (exit code 139; a crash): Fatal Python error: Aborted",
        ),
    ],
)
def test_one_process(ending, kind, words):
    assert (ending.error.failure_kind, str(ending.error)) == (kind, words)


@pytest.mark.parametrize(
    ("replies", "known", "kind", "words"),
    [
        ({0: GONE, 1: FAILED, 2: GONE}, {}, "error", "rank 1 failed: the model has no tokenizer"),
        ({0: GONE, 1: OUT_OF_MEMORY}, {}, "out_of_memory", "rank 1 failed: out of memory; lower pytorch.batch_size"),
        (
            {0: Reply(), 1: Reply(), 2: Reply()},
            {"silent": (2,)},
            "hung",
            "rank 2 did not answer for 20 s and was ended",
        ),
        ({0: GONE, 2: GONE}, {}, "crash", "rank 1 exited without an error message (a crash): last line"),
        (
            {0: GONE, 1: Reply(), 2: GONE},
            {"system_killed": True},
            "out_of_memory",
            "rank 1 exited without an error message (killed by the system, out of memory): last line",
        ),
        ({0: GONE, 1: GONE, 2: GONE}, {}, "killed", "the processes were ended: last line"),
    ],
)
def test_the_process_at_fault_is_named(replies, known, kind, words):
    error = Ending(replies, count=3, output=("last line",), exit_code=1, **known).error
    assert (error.failure_kind, str(error)) == (kind, words)


def test_findings_of_the_process_stay_findings():
    finding = PreFlightError([])
    assert Ending({0: Reply(failure=failure_of(finding))}).error.failure_kind == "error"


def test_the_exit_code_of_an_ended_process_is_data():
    error = Ending({}, exit_code=KILLED).error
    assert isinstance(error, ProcessFailed)
    assert error.exit_code == KILLED


def test_how_often_memory_ran_out_is_what_the_kernel_counts(tmp_path):
    counters = tmp_path / "vmstat"
    counters.write_text("nr_free_pages 7\noom_kill 3\n")
    assert killed_for_memory(counters) == 3
    counters.write_text("nr_free_pages 7\n")
    assert killed_for_memory(counters) is None
    assert killed_for_memory(tmp_path / "elsewhere") is None
