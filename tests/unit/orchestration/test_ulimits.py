"""Limits of the shell that leave too little memory are found before torch hangs on them."""

from __future__ import annotations

import pytest

from llenergymeasure.orchestration.ulimits import MEGABYTE, limit_findings


@pytest.mark.parametrize(
    ("name", "limit_mb", "words"),
    [("AS", 750, "750 MB of address space"), ("DATA", 300, "300 MB of data"), ("AS", 0, "0 MB of address space")],
)
def test_a_limit_below_what_torch_needs_is_found_with_its_fix(name, limit_mb, words):
    (found,) = limit_findings({name: limit_mb * MEGABYTE}.get)
    assert words in found.problem
    assert found.fix.startswith("ulimit -")


@pytest.mark.parametrize("limits", [{}, {"AS": 2_048_000_000}, {"DATA": 614_400_000}, {"AS": 2**63, "DATA": 2**63}])
def test_other_limits_are_none_of_ours(limits):
    assert list(limit_findings(limits.get)) == []


def test_this_process_can_measure():
    assert list(limit_findings()) == []
