"""Larger comparisons, and the changes that they would find."""

from __future__ import annotations

import math

import pytest

from llenergymeasure.stats.change import Change
from llenergymeasure.stats.design import Design, larger_designs
from llenergymeasure.stats.variance import VarianceComponents


def a_change(variance, sizes=(3,), higher_is_worse=True):
    return Change(0.0, variance, sizes, (3,), limit=0.0, alpha=0.01, higher_is_worse=higher_is_worse)


def test_sessions_and_repeats_are_tried_one_at_a_time():
    change = a_change(VarianceComponents(within=0.01, within_df=4, floor=0.0004))
    assert [(design.sessions, design.repeats) for design in larger_designs(change)] == [(5, 3), (1, 6)]


@pytest.mark.parametrize("higher_is_worse", [True, False])
def test_a_design_has_the_ratio_that_it_would_detect(higher_is_worse):
    change = a_change(VarianceComponents(0.01, 4, 0.0004), higher_is_worse=higher_is_worse)
    expected = change.in_design(1, 6).detectable
    sign = 1 if higher_is_worse else -1
    assert larger_designs(change)[1] == Design(1, 6, pytest.approx(math.exp(sign * expected)))


def test_repeats_do_not_help_where_sessions_differ():
    change = a_change(VarianceComponents(within=0.0, within_df=4, floor=0.0004), sizes=(3,) * 5)
    assert larger_designs(change) == ()
