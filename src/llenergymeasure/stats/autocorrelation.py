"""The autocorrelation of repeats: the repeats of a session contain less information than independent ones.

A machine that warms up or changes its clock slowly gives neighbouring repeats similar values. Such repeats scatter little
about the mean of their session, while the mean itself is far from the mean of other sessions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from llenergymeasure.stats.moments import sum_of_squares


def variance_inflation(sessions: Sequence[Sequence[float]]) -> float:
    """The number of repeats over their effective number: 1 for independent repeats, at most the mean size of a session.

    The autocorrelation r comes from the ratio of successive differences to the variance, which is 1 on average for independent
    values in samples of any size (von Neumann 1941). Of n repeats with autocorrelation r at lag 1, n (1 - r) / (1 + r) are
    effective (Bayley and Hammersley 1946).

    Args:
        sessions: logs by session, in the order of measuring; at least one session has two.
    """
    squares = math.fsum(sum_of_squares(session) for session in sessions)
    if squares == 0:
        return 1.0
    successive = math.fsum((b - a) ** 2 for session in sessions for a, b in pairwise(session))
    autocorrelation = max(1 - successive / (2 * squares), 0.0)
    most = sum(map(len, sessions)) / len(sessions)
    return min((1 + autocorrelation) / (1 - autocorrelation), most)
