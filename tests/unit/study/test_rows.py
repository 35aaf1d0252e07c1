"""The rows of runs."""

from __future__ import annotations

from a_result import a_result
from a_study import a_study
from llenergymeasure.study.rows import completed_row


def test_the_passes_of_a_window_are_in_its_row():
    once = a_result()
    thrice = once.model_copy(update={"tokens": once.tokens.model_copy(update={"n_passes": 3})})
    row = a_study().runs[0]
    assert [completed_row(row, result, None, 1.0).n_passes for result in (once, thrice)] == [1, 3]
