"""Which values may enter a comparison."""

from __future__ import annotations

import math

import pytest

from llenergymeasure.stats.values import UnusableValue, finite, logarithms


def test_logarithms_are_natural():
    assert logarithms([1.0, math.e], "current") == [0.0, 1.0]


def test_zero_and_less_are_finite_and_have_no_logarithm():
    assert finite([0.0, -1.0], "current") == [0.0, -1.0]
    for value in (0.0, -1.0):
        with pytest.raises(UnusableValue) as refused:
            logarithms([1.0, value], "baseline")
        assert (refused.value.side, refused.value.repeat, refused.value.value) == ("baseline", 2, value)
        assert refused.value.above_zero


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("check", [finite, logarithms])
def test_what_was_not_measured_or_is_not_finite_is_refused(check, value):
    with pytest.raises(UnusableValue) as refused:
        check([value], "current")
    assert refused.value.repeat == 1
    assert refused.value.value is value
    assert refused.value.above_zero is (check is logarithms)
