"""What squeue says about the elements of job arrays."""

from __future__ import annotations

import pytest

from llenergymeasure.study.executors.slurm.states import Element, elements_in

LISTED = """\
71 2 RUNNING sizes_2026.0a1b2c3d.1
71 3 PENDING a name with blanks
9 N/A RUNNING a shell
72 1 COMPLETED
"""


def test_elements_are_read_and_other_jobs_left_out():
    assert [(each.handle, each.state, each.name) for each in elements_in(LISTED)] == [
        ("71_2", "RUNNING", "sizes_2026.0a1b2c3d.1"), ("71_3", "PENDING", "a name with blanks"), ("72_1", "COMPLETED", ""),
    ]  # fmt: skip
    assert list(elements_in("")) == []


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("PENDING", "waiting"), ("REQUEUED", "waiting"), ("REQUEUE_HOLD", "waiting"), ("CONFIGURING", "waiting"),
        ("RUNNING", "running"), ("COMPLETING", "running"), ("SUSPENDED", "running"),
        ("COMPLETED", "ended"),
        ("CANCELLED", "lost"), ("FAILED", "lost"), ("NODE_FAIL", "lost"), ("PREEMPTED", "lost"), ("TIMEOUT", "lost"),
        ("OUT_OF_MEMORY", "lost"),
    ],
)  # fmt: skip
def test_each_state_is_a_status(state, status):
    assert Element("71", 2, state, "").status == status
