"""The rule of the verdict for many simulated tests at once, in numpy: rates of one percent need many thousands of them.

`checked` holds it against the judge of the plugin, `stats.comparison.compare`, on a sample of the same values.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from llenergymeasure.stats.change import SUSPICION
from llenergymeasure.stats.comparison import compare
from llenergymeasure.stats.variance import FLOOR_DF, LEAST_DF

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rule = Callable[[Floats, Floats, float], tuple[Floats, Floats]]


def sessions(chance: np.random.Generator, shape: tuple[int, int, int], cv: float, spread: float, rho: float) -> Floats:
    """Logs of repeats, by test, session and repeat.

    Args:
        chance: the random numbers.
        shape: numbers of tests, sessions and repeats.
        cv: standard deviation of a repeat.
        spread: standard deviation of the sessions.
        rho: autocorrelation of successive repeats.
    """
    noise = chance.standard_normal(shape)
    for repeat in range(1, shape[2]):
        noise[:, :, repeat] = rho * noise[:, :, repeat - 1] + np.sqrt(1 - rho * rho) * noise[:, :, repeat]
    return spread * chance.standard_normal((*shape[:2], 1)) + cv * noise


def p_values(before: Floats, now: Floats, floor: float) -> tuple[Floats, Floats]:
    """The change of every test, and its p.

    Args:
        before, now: logs of baseline and current sessions, of equal numbers of repeats.
        floor: log of one plus the noise floor.
    """
    every = np.concatenate([before, now], axis=1)
    n_before, n_now, n = before.shape[1], now.shape[1], before.shape[2]
    means, sides = every.mean(axis=2), 1 / n_before + 1 / n_now
    squares = ((every - means[:, :, None]) ** 2).sum(axis=(1, 2))
    within_df = (n_before + n_now) * (n - 1)
    repeats, fixed = squares / within_df / n * sides, floor**2 * sides
    assumed = (repeats + fixed) * inflation(every, squares)
    change = means[:, n_before:].mean(axis=1) - means[:, :n_before].mean(axis=1)
    p = stdtr((repeats + fixed) ** 2 / (repeats**2 / within_df + fixed**2 / FLOOR_DF), -change / np.sqrt(assumed))
    df = n_before + n_now - 2
    if df:
        seen = sum(
            ((side - side.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) for side in np.split(means, [n_before], 1)
        )
        guess = FLOOR_DF if n_before == 1 else max(LEAST_DF - df, 1)
        error = np.sqrt((guess * assumed + seen * sides) / (guess + df))
        p = np.maximum(p, stdtr(guess + df, -change / error))
    return change, p


def inflation(every: Floats, squares: Floats) -> Floats:
    """By autocorrelation, see `stats.autocorrelation`."""
    successive = (np.diff(every, axis=2) ** 2).sum(axis=(1, 2))
    r = np.maximum(1 - successive / (2 * squares), 0)
    return np.minimum((1 + r) / (1 - r), every.shape[2])


def looks(before: Floats, now: Floats, limit: float, alpha: float, floor: float) -> tuple[Flags, Flags]:
    """Which tests the first look alone reports, and which ones both looks together; `now` has a session for each look."""
    first, p_first = p_values(before, now[:, :1], floor)
    both, p_both = p_values(before, now, floor)
    beyond = first > np.log1p(limit)
    suspected = beyond & (p_first < max(alpha, SUSPICION))
    return beyond & (p_first < alpha), suspected & (both > np.log1p(limit)) & (p_both < alpha)


def checked(
    before: Floats, now: Floats, limit: float, alpha: float, noise_floor: float, sample: int, rule: Rule = p_values
) -> None:
    """Compare p and verdict of the first tests with those of the judge, for each look.

    Raises:
        AssertionError: they differ.
    """
    for count in range(1, now.shape[1] + 1):
        change, p = rule(before[:sample], now[:sample, :count], np.log1p(noise_floor))
        for test in range(len(p)):
            baseline, current = np.exp(before[test]).tolist(), np.exp(now[test, :count]).tolist()
            found = compare(baseline, current, limit=limit, alpha=alpha, noise_floor=noise_floor)
            assert found.p_value is not None
            alarm = change[test] > np.log1p(limit) and p[test] < alpha
            if not np.isclose(p[test], found.p_value, rtol=1e-6, atol=1e-12) or alarm != (
                found.verdict == "regression"
            ):
                raise AssertionError(f"the simulated rule has p {p[test]:.6g}, the judge {found}")
