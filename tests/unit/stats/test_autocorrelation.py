"""Autocorrelated repeats count as fewer, in numbers that can be checked by hand, and in random series."""

from __future__ import annotations

import math
import random
from statistics import fmean, median

import pytest

from llenergymeasure.stats.autocorrelation import variance_inflation


def test_a_rising_series_has_the_inflation_of_its_autocorrelation():
    # Squares about the mean 2: 10; successive squares 4, half of which is 2: r = 0.8, (1 + 0.8) / (1 - 0.8) = 9, of 5 repeats.
    assert variance_inflation([[0.0, 1.0, 2.0, 3.0, 4.0]]) == 5.0
    # Squares 2, half of the successive squares 1: r = 0.5.
    assert variance_inflation([[0.0, 1.0, 2.0]]) == pytest.approx(3.0)


def test_sessions_are_pooled_and_their_levels_do_not_count():
    # Squares 2 + 2, half of the successive squares 1 + 1.
    assert variance_inflation([[0.0, 1.0, 2.0], [9.0, 8.0, 7.0]]) == pytest.approx(3.0)


def test_repeats_that_alternate_count_as_independent():
    assert variance_inflation([[0.0, 1.0, 0.0, 1.0]]) == 1.0


def test_equal_repeats_have_nothing_to_inflate():
    assert variance_inflation([[0.1 + 0.2, 0.3, 0.3], [5.0, 5.0, 5.0]]) == 1.0


def a_series(chance, correlation, n):
    """A stationary series with this autocorrelation at lag 1."""
    value = chance.gauss(0, 1)
    found = []
    for _ in range(n):
        found.append(value)
        value = correlation * value + math.sqrt(1 - correlation**2) * chance.gauss(0, 1)
    return found


def inflations(correlation, n, sessions=4, runs=200):
    chance = random.Random(f"{correlation} {n}")
    return [variance_inflation([a_series(chance, correlation, n) for _ in range(sessions)]) for _ in range(runs)]


def test_independent_repeats_are_inflated_little_and_correlated_ones_more():
    independent, correlated = inflations(0.0, 5), inflations(0.9, 5)
    assert median(independent) < 1.1 < 2 < median(correlated)


def test_a_long_series_shows_its_effective_number():
    # n (1 - r) / (1 + r): at r = 0.6 four repeats are worth one.
    assert fmean(inflations(0.6, 2000, sessions=1, runs=20)) == pytest.approx(4.0, rel=0.05)
