"""The Zeus meter: its joules, and what it would say without guards."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from fake_gpu import a_gpu
from llenergymeasure.core.energy.zeus import ZeusMeter
from llenergymeasure.exceptions import MeterError


class FakeMonitor:
    """Ends every window with the joules it was given."""

    def __init__(self, joules, fails=False):
        self.joules, self.fails, self.open = joules, fails, []

    def begin_window(self, key, sync_execution):
        assert sync_execution is False  # a CPU build of torch would raise
        self.open.append(key)

    def end_window(self, key, sync_execution):
        if self.fails:
            raise RuntimeError("nvml is gone")
        self.open.remove(key)
        return SimpleNamespace(gpu_energy=self.joules)


def meter(joules, **options):
    monitor = FakeMonitor(joules, **options)
    return ZeusMeter([a_gpu(0), a_gpu(1)], lambda indices: monitor), monitor


def test_joules_are_told_by_uuid_and_summed():
    zeus, _ = meter({0: 100.0, 1: 300.0})
    reading = zeus.open_window().close(0.0, 2.0)
    assert reading.per_device_j == {"GPU-0": 100.0, "GPU-1": 300.0}
    assert reading.energy_j == 400.0
    assert reading.method == "counter"


def test_the_edges_of_a_plain_difference_are_in_the_uncertainty():
    zeus, _ = meter({0: 200.0, 1: 200.0})
    reading = zeus.open_window().close(0.0, 2.0)  # 200 W, a tick of 0.1 s: 2 x 200 x 0.1 / sqrt(6) = 16.3 J
    assert reading.uncertainty_parts_j["edges"] == pytest.approx(16.33, abs=0.01)
    assert reading.uncertainty_parts_j["gain"] == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("joules", "words"), [({}, "gave no energy"), ({0: 1.0}, "GPU-1"), ({0: -5.0, 1: 1.0}, "reset")]
)
def test_a_void_window_is_none_and_never_a_number(joules, words):
    """Unguarded, an empty dict sums to 0 J and a reset to negative joules."""
    zeus, _ = meter(joules)
    reading = zeus.open_window().close(0.0, 2.0)
    assert reading.energy_j is None
    assert words in reading.reason


def test_windows_may_be_nested_and_abandoned():
    zeus, monitor = meter({0: 1.0, 1: 1.0})
    outer, inner = zeus.open_window(), zeus.open_window()
    inner.close(0.0, 1.0)
    outer.abandon()
    outer.abandon()
    assert monitor.open == []


def test_a_failure_is_a_meter_error():
    zeus, _ = meter({}, fails=True)
    with pytest.raises(MeterError, match="nvml is gone"):
        zeus.open_window().close(0.0, 1.0)


def test_a_monitor_that_cannot_start_is_a_meter_error():
    def broken(indices):
        raise RuntimeError("no driver")

    with pytest.raises(MeterError, match=r"zeus cannot start.*no driver"):
        ZeusMeter([a_gpu()], broken)
