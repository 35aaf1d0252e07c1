"""Shapley values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.stats.factorial.shapley import divided, shapley


def test_parts_that_only_work_together_share_equally():
    assert shapley(2, lambda chosen: 6.0 if len(chosen) == 2 else 0.0) == pytest.approx((3.0, 3.0))


def test_the_glove_game():
    """A left glove and two right ones: the left one gets two thirds."""
    assert shapley(3, lambda chosen: float(0 in chosen and len(chosen) > 1)) == pytest.approx((2 / 3, 1 / 6, 1 / 6))


@given(st.lists(st.floats(-10, 10), min_size=16, max_size=16))
def test_nothing_is_left_over(values):
    values[0] = 0.0
    parts = shapley(4, lambda chosen: values[sum(2**part for part in chosen)])
    assert sum(parts) == pytest.approx(values[15], abs=1e-9)


def test_terms_are_divided_equally_as_shapley_does():
    terms = {(0,): 4.0, (1,): 1.0, (0, 1): 2.0, (0, 1, 2): 3.0}
    values = shapley(3, lambda chosen: sum(value for term, value in terms.items() if chosen.issuperset(term)))
    assert divided(terms, 3) == pytest.approx((6.0, 3.0, 1.0))
    assert values == pytest.approx(divided(terms, 3))
