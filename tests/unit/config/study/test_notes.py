"""Skipped and merged combinations are announced before anything runs."""

from __future__ import annotations

from llenergymeasure.config.study.notes import mostly_skipped, study_notes

REASON = "precision 'int8' is not supported by backend 'pytorch'; valid: fp32, fp16, bf16"


def test_a_study_without_skipped_and_merged_cells_has_no_notes(study):
    assert study_notes(study("model: m\nsweep: {n: [1, 2]}\n")) == ()


def test_cells_that_are_skipped_for_the_same_reason_are_one_note(study):
    found = study("model: m\nsweep: {precision: [bf16, fp16, int8], n: [1, 2, 3, 4]}\n")
    assert study_notes(found) == (
        f"skipped (precision int8, n 1), (precision int8, n 2), (precision int8, n 3) and 1 more: {REASON}",
    )
    assert not mostly_skipped(found)


def test_a_study_that_is_mostly_skipped_warns_first(study):
    found = study("model: m\nsweep: {precision: [bf16, int4, int8]}\n")
    assert mostly_skipped(found)
    assert study_notes(found)[0] == "WARNING: 2 of 3 combinations are skipped, which is more than half"


def test_merged_cells_name_the_cell_that_they_equal(study):
    found = study("model: m\nsweep: {n: [5, 6], pytorch.batch_size: [null, 1]}\n")
    assert study_notes(found) == (
        "merged (n 5, pytorch.batch_size 1): the same effect as cell 1",
        "merged (n 6, pytorch.batch_size 1): the same effect as cell 2",
    )
