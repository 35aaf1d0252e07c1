"""Percentiles with members that have no value, by hand and against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from llenergymeasure.stats.unanswered import percentile_of_all

TEN = [float(value) for value in range(10, 0, -1)]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.95, 0.99, 1.0])
def test_without_missing_members_it_is_the_usual_percentile(share):
    assert percentile_of_all(TEN, 0, share) == pytest.approx(np.quantile(TEN, share))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.7])
def test_below_the_missing_members_it_is_the_percentile_with_very_large_values(share):
    assert percentile_of_all(TEN, 3, share) == pytest.approx(np.quantile([*TEN, 1e9, 1e9, 1e9], share))


def test_a_missing_member_makes_a_percentile_larger():
    assert percentile_of_all(TEN, 0, 0.9) == pytest.approx(9.1)
    assert percentile_of_all(TEN, 1, 0.9) == pytest.approx(10.0)


def test_a_percentile_that_is_a_missing_member_has_no_value():
    # of 11 members the largest is the one at 1.0; the one at 0.9 is the tenth
    assert percentile_of_all(TEN, 1, 1.0) is None
    assert percentile_of_all(TEN, 2, 0.95) is None


def test_between_the_largest_value_and_a_missing_member_it_is_the_value():
    assert percentile_of_all(TEN, 1, 0.95) == 10.0
    assert percentile_of_all([7.0], 1, 0.5) == 7.0
