"""The largest full part of a grid."""

from __future__ import annotations

from itertools import chain, combinations, product
from math import prod

from hypothesis import given, settings
from hypothesis import strategies as st

from llenergymeasure.stats.factorial.subgrid import largest_full


def without(shape, *holes):
    return set(product(*map(range, shape))) - set(holes)


def test_a_full_grid_stays():
    assert largest_full((2, 3), without((2, 3)), (0, 0)) == ((0, 1), (0, 1, 2))


def test_the_level_with_the_fewest_other_cells_goes():
    """Without batch 2 of precision 1, 2 x 2 cells remain without that batch, and 1 x 3 without that precision."""
    assert largest_full((2, 3), without((2, 3), (1, 2)), (0, 0)) == ((0, 1), (0, 1))


def test_the_reference_stays_even_where_it_costs_cells():
    holes = ((0, 1), (0, 2))
    assert largest_full((2, 3), without((2, 3), *holes), None) == ((1,), (0, 1, 2))
    assert largest_full((2, 3), without((2, 3), *holes), (0, 0)) == ((0, 1), (0,))


@given(st.sets(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 1)), max_size=8))
@settings(max_examples=60, deadline=None)
def test_no_larger_part_is_full(holes):
    shape, present = (3, 3, 2), without((3, 3, 2), *holes)
    found = largest_full(shape, present, None)
    assert set(product(*found)) <= present

    def parts(n):
        return chain.from_iterable(combinations(range(n), size) for size in range(1, n + 1))

    full = (kept for kept in product(*map(parts, shape)) if set(product(*kept)) <= present)
    assert prod(map(len, found)) == max((prod(map(len, kept)) for kept in full), default=0)
