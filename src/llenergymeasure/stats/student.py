"""Student's t distribution in pure Python: plugins must load quickly, so there is no scipy here.

Accurate to 1e-9 or better for any degrees of freedom from 0.1 up; infinite degrees are the normal distribution.
"""

from __future__ import annotations

import math

# From here on two terms of Fisher's expansion are exact to 1e-11; below, so is the continued fraction.
_MANY = 1e4
_TINY = 1e-300


def t_cdf(t: float, df: float) -> float:
    """Probability that a t variable of `df` degrees of freedom (> 0, may be infinite) is at most `t`."""
    below = _upper_tail(abs(t), df)
    return 1.0 - below if t > 0 else below


def t_sf(t: float, df: float) -> float:
    """Probability that it is above `t`; keeps its digits where `1 - t_cdf` would lose them."""
    return t_cdf(-t, df)


def t_quantile(p: float, df: float) -> float:
    """The value below which a t variable of `df` degrees of freedom lies with probability `p`.

    Raises:
        ValueError: `p` is not strictly between 0 and 1, or `df` is not positive.
    """
    if not 0.0 < p < 1.0:
        raise ValueError(f"a probability strictly between 0 and 1 is needed, not {p}")
    if p == 0.5:
        return 0.0
    return _tail_quantile(p, df) if p > 0.5 else -_tail_quantile(1.0 - p, df)


def _tail_quantile(p: float, df: float) -> float:
    """For p above a half: Newton's steps from a close guess, kept inside a bracket that halves when they leave it."""
    tail = 1.0 - p
    low, high = 0.0, math.inf
    t = _close_guess(tail, df)
    for _ in range(1000):
        excess = _upper_tail(t, df) - tail
        low, high = (t, high) if excess > 0 else (low, t)
        stepped = t + excess / max(_density(t, df), _TINY)
        new = stepped if low <= stepped <= high else _between(low, high)
        if abs(new - t) <= 1e-8 * new:  # a Newton step doubles the digits
            return new
        t = new
    return t


def _between(low: float, high: float) -> float:
    return 2.0 * low if math.isinf(high) else 0.5 * (low + high)


def _close_guess(tail: float, df: float) -> float:
    """Abramowitz and Stegun 26.2.23 for the normal quantile, then 26.7.5 for t; always positive."""
    r = math.sqrt(-2.0 * math.log(tail))
    z = r - (2.515517 + r * (0.802853 + r * 0.010328)) / (1 + r * (1.432788 + r * (0.189269 + r * 0.001308)))
    z = max(z, 1e-9)
    z2 = z * z
    return z * (1 + ((z2 + 1) / 4 + (((5 * z2 + 16) * z2 + 3) / 96) / df) / df)


def _upper_tail(t: float, df: float) -> float:
    """P(T > t) for t >= 0."""
    if not df > 0:
        raise ValueError(f"degrees of freedom must be positive, not {df}")
    if df >= _MANY:
        return _nearly_normal_tail(t, df)
    return 0.5 * _beta_ratio(0.5 * df, t * t / df)


def _nearly_normal_tail(t: float, df: float) -> float:
    """Fisher's expansion about the normal distribution (Abramowitz and Stegun 26.7.8), two terms."""
    t2 = t * t
    first = t * (t2 + 1) / 4
    second = t * (((3 * t2 - 7) * t2 - 5) * t2 - 3) / 96
    correction = (first + second / df) / df
    density = math.exp(-0.5 * t2) / math.sqrt(2 * math.pi)
    return 0.5 * math.erfc(t / math.sqrt(2)) + density * correction


def _density(t: float, df: float) -> float:
    if df >= _MANY:
        return math.exp(-0.5 * t * t) / math.sqrt(2 * math.pi)
    scale = math.lgamma(0.5 * (df + 1)) - math.lgamma(0.5 * df) - 0.5 * math.log(df * math.pi)
    return math.exp(scale - 0.5 * (df + 1) * math.log1p(t * t / df))


def _beta_ratio(a: float, odds: float) -> float:
    """Regularised incomplete beta I_x(a, 1/2) at x = 1 / (1 + odds); `odds` keeps the digits that 1 - x would lose."""
    if odds == 0.0:
        return 1.0
    x, rest = 1.0 / (1.0 + odds), odds / (1.0 + odds)
    log_front = math.lgamma(a + 0.5) - math.lgamma(a) - math.lgamma(0.5) - a * math.log1p(odds) + 0.5 * math.log(rest)
    front = math.exp(log_front)
    if x < (a + 1.0) / (a + 2.5):
        return front * _continued_fraction(a, 0.5, x) / a
    return 1.0 - front * _continued_fraction(0.5, a, rest) / 0.5


def _continued_fraction(a: float, b: float, x: float) -> float:
    """Of the incomplete beta function (Abramowitz and Stegun 26.5.8), by Lentz's method."""
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
