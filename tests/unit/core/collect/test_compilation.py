"""Compilations of a window, summed over its batches."""

from __future__ import annotations

from llenergymeasure.core.collect.compilation import compilation_of
from llenergymeasure.domain.measurements import CompilationResult
from llenergymeasure.records import BatchRecord


def record(compilations, seconds=0.0):
    return BatchRecord((0,), 3, 0.0, 1.0, compilations=compilations, compiling_s=seconds)


def test_counts_and_seconds_are_added():
    assert compilation_of([record(2, 1.5), record(0), record(1, 0.5)]) == CompilationResult(count=3, seconds=2.0)


def test_one_batch_that_does_not_report_them_leaves_them_unknown():
    assert compilation_of([record(2, 1.5), record(None)]) is None


def test_without_batches_they_are_unknown_and_not_0():
    assert compilation_of([]) is None
