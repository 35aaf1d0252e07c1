"""Combinations that are not measured are announced before anything runs."""

from __future__ import annotations

from llenergymeasure.domain.study.design import Skipped
from llenergymeasure.domain.study.left_out import left_out_notes

REASON = "precision 'int8' is not supported by backend 'pytorch'; valid: fp32, fp16, bf16"


def skipped(*sizes, reason=REASON):
    return [Skipped(fields={"precision": "int8", "pytorch.batch_size": size}, reason=reason) for size in sizes]


def test_a_study_that_measures_everything_has_no_notes():
    assert left_out_notes(4, [], []) == ()


def test_combinations_with_the_same_reason_are_one_note():
    assert left_out_notes(4, skipped(1, 2, 4, 8), []) == (
        "skipped (precision int8, pytorch.batch_size 1), (precision int8, pytorch.batch_size 2), "
        f"(precision int8, pytorch.batch_size 4) and 1 more: {REASON}",
    )


def test_a_warning_comes_first_when_more_than_half_are_skipped():
    assert left_out_notes(1, skipped(1, 2), [])[0] == (
        "WARNING: 2 of 3 combinations cannot be measured, which is more than half"
    )
    assert not left_out_notes(2, skipped(1, 2), [])[0].startswith("WARNING")


def test_combinations_that_equal_a_cell_come_last():
    same = [Skipped(fields={"pytorch.batch_size": None}, reason="it has the same effect as cell 01")]
    assert (
        left_out_notes(4, skipped(1), same)[1]
        == "merged (pytorch.batch_size default): it has the same effect as cell 01"
    )
