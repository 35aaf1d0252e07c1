"""Impossible readings are refused before they are used."""

from __future__ import annotations

import math

import pytest

from llenergymeasure.core.energy.check_reading import check_reading
from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.exceptions import ReadingFailed


def a_reading(**fields):
    """Without the checks of the type, as a meter of one's own may build it."""
    return EnergyReading.model_construct(**{"meter": "own", "energy_j": 200.0, "method": "counter", **fields})


@pytest.mark.parametrize("reading", [a_reading(), a_reading(energy_j=None, method=None, reason="no sensor")])
def test_joules_with_a_method_or_none_with_a_reason_are_let_through(reading):
    assert check_reading(reading, "own") is reading


@pytest.mark.parametrize("energy_j", [0.0, -200.0, math.nan, math.inf, -math.inf])
def test_joules_that_no_work_takes_are_refused(energy_j):
    with pytest.raises(ReadingFailed, match=f"own gave {energy_j:g} J, which is impossible"):
        check_reading(a_reading(energy_j=energy_j), "own")


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (200.0, "own gave float 200.0 instead of an EnergyReading"),
        (a_reading(method=None), "own gave 200 J without a method"),
        (a_reading(energy_j=None), "own gave neither joules nor a reason"),
    ],
)
def test_what_is_no_reading_is_refused(reading, words):
    with pytest.raises(ReadingFailed, match=words):
        check_reading(reading, "own")
