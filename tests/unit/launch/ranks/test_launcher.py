"""What became of several processes, in one sentence."""

from __future__ import annotations

import pytest

from llenergymeasure.exceptions import BackendError, ProcessGroupError
from llenergymeasure.launch.failure import failure_of
from llenergymeasure.launch.ranks.launcher import shared_cores, what_happened
from llenergymeasure.launch.request import Reply

OUT_OF_MEMORY = Reply(failure=failure_of(BackendError("out of memory")))
GONE = Reply(failure=failure_of(ProcessGroupError("another process is gone")))


@pytest.mark.parametrize(
    ("replies", "silent", "sentence"),
    [
        ({0: GONE, 1: OUT_OF_MEMORY, 2: GONE}, (), "rank 1 failed: out of memory"),
        ({0: Reply(), 1: Reply(), 2: Reply()}, (2,), "rank 2 did not answer for 20 s and was ended"),
        ({0: GONE, 2: GONE}, (), "rank 1 exited without an error message (signal or out of memory); see: dmesg | tail"),
        (
            {0: GONE, 1: Reply(), 2: GONE},
            (),
            "rank 1 exited without an error message (signal or out of memory); see: dmesg | tail",
        ),
        ({0: GONE, 1: GONE, 2: GONE}, (), "the processes were ended: last line"),
    ],
)
def test_the_process_at_fault_is_named(replies, silent, sentence):
    assert what_happened(replies, 3, silent, "last line") == sentence


def test_cores_are_shared_out_unless_the_user_did():
    assert shared_cores({}, 2, cores=8)["OMP_NUM_THREADS"] == "4"
    assert shared_cores({}, 100, cores=8)["OMP_NUM_THREADS"] == "1"
    assert shared_cores({"OMP_NUM_THREADS": "3"}, 2, cores=8)["OMP_NUM_THREADS"] == "3"
