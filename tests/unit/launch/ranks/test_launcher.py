"""The launcher of several processes, and the cores that they share."""

from __future__ import annotations

from llenergymeasure.launch.ranks.launcher import shared_cores


def test_cores_are_shared_out_unless_the_user_did():
    assert shared_cores({}, 2, cores=8)["OMP_NUM_THREADS"] == "4"
    assert shared_cores({}, 100, cores=8)["OMP_NUM_THREADS"] == "1"
    assert shared_cores({"OMP_NUM_THREADS": "3"}, 2, cores=8)["OMP_NUM_THREADS"] == "3"
