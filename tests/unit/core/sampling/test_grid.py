"""The regular update times of a sensor, from samples that can be checked by hand."""

from __future__ import annotations

import pytest

from llenergymeasure.core.sampling.grid import Grid, grid_of, readings_on


def sampled(values, every_s=0.05, first_s=0.0):
    return [(first_s + number * every_s, value) for number, value in enumerate(values)]


def test_an_update_is_between_two_samples_and_the_next_one_narrows_it():
    # Samples every 80 ms of a sensor that updates at 0.1 s, 0.2 s, 0.3 s: the changes lie in (0.08, 0.16), (0.16, 0.24)
    # and (0.24, 0.32), by whole periods of 0.1 s in (0.08, 0.16), (0.06, 0.14) and (0.04, 0.12): together (0.08, 0.12).
    grid = grid_of([(0.0, 1), (0.08, 1), (0.16, 2), (0.24, 3), (0.32, 4), (0.33, 4), (0.34, 4)], 0.1)
    assert (grid.first_s, grid.period_s, grid.error_s) == (pytest.approx(0.10), 0.1, pytest.approx(0.02 + 0.001))


def test_a_sensor_that_never_changed_may_have_updated_at_any_moment_of_a_period():
    assert grid_of(sampled([5.0] * 9, first_s=3.0), 0.1) == Grid(3.0, 0.1, 0.05)


def test_a_sensor_that_changes_with_nearly_every_sample_is_faster_than_the_sampler():
    assert grid_of(sampled(range(20)), 0.1) is None
    assert grid_of(sampled([0, 0, *range(20)]), 0.1) is None  # 19 of 21
    assert grid_of(sampled([0, 0, 0, *range(20)]), 0.1) is not None  # 19 of 22


def test_too_few_samples_have_no_grid():
    assert grid_of([], 0.1) is None
    assert grid_of([(1.0, 5.0)], 0.1) is None


def test_where_the_documented_period_does_not_fit_what_fits_best_is_taken():
    # Every third sample of 10 ms shows a new value: a period of 30 ms, not of 100 ms.
    grid = grid_of(sampled([number // 3 for number in range(60)], every_s=0.01), 0.1)
    assert grid.period_s == pytest.approx(0.03)


def test_updates_are_numbered_from_the_first_one_on():
    grid = Grid(first_s=2.0, period_s=0.1, error_s=0.02)
    assert grid.time_s(-3) == pytest.approx(1.7)
    assert grid.last_before(2.11) == 0  # 2.1 s may be 2.12 s
    assert grid.last_before(2.13) == 1


GRID = Grid(first_s=1.0, period_s=0.1, error_s=0.0)


def test_a_reading_is_the_sample_nearest_to_the_middle_between_two_updates():
    points = [(1.01, 1.0), (1.04, 2.0), (1.09, 3.0), (1.16, 4.0), (1.19, 5.0)]
    assert readings_on(GRID, points, 0, 1) == [2.0, 4.0]


def test_an_update_without_a_sample_before_the_next_has_no_reading():
    assert readings_on(GRID, [(1.05, 1.0), (1.25, 3.0)], 0, 2) == [1.0, None, 3.0]
    assert readings_on(GRID, [(1.05, 1.0), (1.11, 2.0)], 1, 2) == [2.0, None]
