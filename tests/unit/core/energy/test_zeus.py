"""The Zeus meter: its joules, its numbers for GPUs, and the errors that our checks prevent."""

from __future__ import annotations

import warnings

import pytest

from fake_gpu import a_gpu
from fakes_energy import FakeMonitor
from llenergymeasure.core.energy.zeus import ZeusMeter, zeus_numbers
from llenergymeasure.exceptions import MeterError
from llenergymeasure.testing import FakeClock

UUIDS = {0: "GPU-a", 1: "GPU-b"}


class Measuring:
    """A meter of two GPUs of 100 W on a fake monitor."""

    def __init__(self, **monitor):
        self.clock = FakeClock()
        self.meter = ZeusMeter(UUIDS, lambda numbers: self._make(numbers, monitor))

    def _make(self, numbers, options):
        self.monitor = FakeMonitor(self.clock, numbers, **options)
        return self.monitor

    def measure(self, seconds):
        window = self.meter.open_window()
        start_s = self.clock.now()
        self.clock.sleep(seconds)
        return window.close(start_s, self.clock.now())


def test_two_gpus_of_100_w_for_2_s_are_400_j_by_uuid():
    reading = Measuring().measure(2.0)
    assert reading.per_device_j == {"GPU-a": 200.0, "GPU-b": 200.0}
    assert (reading.energy_j, reading.method) == (400.0, "counter")


def test_the_edges_of_a_plain_difference_are_in_the_uncertainty():
    reading = Measuring().measure(2.0)  # 100 W, a tick of 0.1 s: 2 x 100 x 0.1 / sqrt(6) = 8.165 J, two of them 11.55 J
    assert reading.uncertainty_parts_j == {"gain": pytest.approx(20.0), "edges": pytest.approx(11.547, abs=0.001)}
    assert reading.uncertainty_j == pytest.approx(23.09, abs=0.01)


@pytest.mark.parametrize(
    ("joules", "words"),
    [
        ({}, "no energy for GPU-a, GPU-b"),
        ({0: 1.0}, "no energy for GPU-b"),
        ({0: -5.0, 1: 1.0}, "reset"),
        ({0: 5.0, 1: 0.0}, "did not tick"),
    ],
)
def test_a_void_window_is_none_and_never_a_number(joules, words):
    """Unguarded, an empty dict sums to 0 J and a reset to negative joules."""
    reading = Measuring(tells=joules).measure(2.0)
    assert reading.energy_j is None
    assert reading.per_device_j is None
    assert words in reading.reason


def test_its_warning_about_0_joules_does_not_reach_the_user():
    class Warning0(FakeMonitor):
        def end_window(self, key, sync_execution):
            warnings.warn("measured as zero", stacklevel=1)
            return super().end_window(key, sync_execution)

    clock = FakeClock()
    window = ZeusMeter(UUIDS, lambda numbers: Warning0(clock, numbers)).open_window()
    assert window.close(clock.now(), clock.now()).energy_j is None


def test_windows_may_be_nested():
    bench = Measuring()
    outer = bench.meter.open_window()
    start_s = bench.clock.now()
    bench.clock.sleep(1.0)
    assert bench.measure(2.0).energy_j == 400.0
    assert outer.close(start_s, bench.clock.now()).energy_j == 600.0


def test_a_window_can_be_abandoned_more_than_once_and_has_no_joules_then():
    bench = Measuring()
    window = bench.meter.open_window()
    window.abandon()
    window.abandon()
    assert bench.monitor.open == {}
    assert window.close(0.0, 1.0).reason == "the window was already closed"


def test_a_failure_is_a_meter_error_and_abandoning_is_quiet():
    bench = Measuring(fails=RuntimeError("nvml is gone"))
    with pytest.raises(MeterError, match="nvml is gone"):
        bench.measure(1.0)
    bench.meter.open_window().abandon()


def test_a_monitor_that_cannot_start_is_a_meter_error():
    def broken(indices):
        raise RuntimeError("no driver")

    with pytest.raises(MeterError, match=r"zeus cannot start.*no driver"):
        ZeusMeter(UUIDS, broken)


def test_helper_processes_are_stopped_and_refused():
    class Helpers:
        stopped = 0

        def stop(self):
            self.stopped += 1

    helpers = Helpers()
    with pytest.raises(MeterError, match="helper processes"):
        Measuring(helpers=helpers)
    assert helpers.stopped == 1


def test_zeus_counts_the_places_in_the_list_of_visible_gpus():
    """Unguarded, NVML's number 3 would be taken for the fourth visible GPU, which does not exist, or is another one."""
    assert zeus_numbers([a_gpu(3), a_gpu(1)], visible="1,3") == {1: "GPU-3", 0: "GPU-1"}
    assert zeus_numbers([a_gpu(3), a_gpu(1)], visible=None) == {3: "GPU-3", 1: "GPU-1"}


@pytest.mark.parametrize("visible", ["GPU-4e81", "MIG-1b", "", "0,GPU-4e81"])
def test_names_that_zeus_cannot_read_are_reported(visible):
    with pytest.raises(MeterError, match="only numbers in CUDA_VISIBLE_DEVICES"):
        zeus_numbers([a_gpu(0)], visible)


def test_a_gpu_that_zeus_would_take_for_another_is_reported():
    """CUDA's GPU 0 is the fastest, which NVML may call 1."""
    with pytest.raises(MeterError, match="CUDA_DEVICE_ORDER=PCI_BUS_ID"):
        zeus_numbers([a_gpu(1)], visible="0")
