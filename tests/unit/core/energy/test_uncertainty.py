"""Stated uncertainties of meters that read a counter twice, and of one device."""

from __future__ import annotations

import math

import pytest

from llenergymeasure.core.energy.device_energy import DeviceEnergy
from llenergymeasure.core.energy.uncertainty import plain_difference_parts


def test_a_reading_may_be_one_tick_old_at_either_edge():
    # 200 J in 2 s are 100 W; 2 x 100 W x 0.1 s / root 6.
    assert plain_difference_parts([200.0], 2.0) == {
        "gain": pytest.approx(10.0),
        "edges": pytest.approx(20 / math.sqrt(6)),
    }


def test_edges_of_devices_are_independent_and_their_gain_is_shared():
    parts = plain_difference_parts([300.0, 400.0], 2.0)
    assert parts["gain"] == pytest.approx(35.0)
    assert parts["edges"] == pytest.approx(2 * 0.1 * math.hypot(150, 200) / math.sqrt(6))


def test_a_quicker_counter_is_less_uncertain():
    assert plain_difference_parts([200.0], 2.0, tick_s=0.001)["edges"] == pytest.approx(0.2 / math.sqrt(6))


def test_the_gain_is_not_a_devices_own_error():
    assert DeviceEnergy(200.0, "counter", {"gain": 10.0, "edges": 3.0, "gaps": 4.0}).own_error_j == pytest.approx(5.0)
    assert DeviceEnergy(200.0, "counter", {"gain": 10.0}).own_error_j == 0.0
