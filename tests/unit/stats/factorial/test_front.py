"""The Pareto front."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.stats.factorial.front import efficient


def test_a_point_that_another_beats_in_both_is_not_on_the_front():
    assert efficient([(1.0, 3.0), (2.0, 2.0), (3.0, 2.5), (4.0, 1.0)]) == (True, True, False, True)


def test_equal_points_are_both_on_the_front():
    assert efficient([(1.0, 1.0), (1.0, 1.0), (1.0, 2.0)]) == (True, True, False)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=15))
def test_it_is_what_the_definition_says(points):
    assert efficient(points) == tuple(
        not any(other[0] <= point[0] and other[1] <= point[1] and other != point for other in points)
        for point in points
    )
