"""Which runs cover every shape of a window, counted by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.core.shapes import runs_covering_shapes


@dataclass(frozen=True)
class Shape:
    """A batch with a number of rows and a prompt length."""

    rows: int
    padded_length: int

    @property
    def prompt_indices(self) -> tuple[int, ...]:
        return tuple(range(self.rows))


def runs(*shapes, limit=10, every_step=False):
    found = runs_covering_shapes([Shape(*shape) for shape in shapes], limit, every_step)
    return [(batch.rows, batch.padded_length, tokens) for batch, tokens in found]


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ([(1, 90)], [(1, 90, 10)]),
        ([(1, 90), (1, 90)], [(1, 90, 10)]),
        ([(1, 85), (1, 90)], [(1, 90, 10), (1, 85, 6)]),  # 86 to 90 in decode; 91 to 94 were met
        ([(1, 89), (1, 90)], [(1, 90, 10), (1, 89, 2)]),
        ([(1, 40), (1, 90)], [(1, 90, 10), (1, 40, 10)]),
        ([(2, 89), (1, 90)], [(1, 90, 10), (2, 89, 10)]),  # other rows are another shape
    ],
)
def test_only_what_was_not_met_is_generated(shapes, expected):
    assert runs(*shapes) == expected


def test_a_single_token_is_prefill_alone():
    assert runs((1, 9), (1, 8), limit=1) == [(1, 9, 1), (1, 8, 1)]


def test_where_tokens_are_proposed_every_shape_is_run_to_its_end():
    assert runs((1, 89), (1, 90), every_step=True) == [(1, 90, 10), (1, 89, 10)]


def lengths_of(shapes, limit):
    """All lengths of a window: in prefill, and in decode after each token but the last."""
    prefill = {(rows, length) for rows, length, _ in shapes}
    decode = {(rows, length + step) for rows, length, tokens in shapes for step in range(1, min(tokens, limit))}
    return prefill, decode


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 60)), min_size=1, max_size=12), st.integers(1, 20))
def test_all_that_the_window_meets_is_met_before(shapes, limit):
    window = [(rows, length, limit) for rows, length in shapes]
    assert lengths_of(runs(*shapes, limit=limit), limit) == lengths_of(window, limit)
