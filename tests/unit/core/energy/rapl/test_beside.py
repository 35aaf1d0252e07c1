"""The energy of the host's CPUs in the windows of a GPU meter."""

from __future__ import annotations

import pytest

from fake_gpu import a_gpu
from llenergymeasure.core.devices import MeterContext
from llenergymeasure.core.energy.rapl.beside import WithHost, with_host
from llenergymeasure.exceptions import MeterError
from llenergymeasure.testing import FakeClock, FakeMeter
from powercapsim import RaplBench, SimClock, SimPowercap, package, part


class Steps:
    """A meter that writes down what it is asked."""

    def __init__(self, name, steps, fails_on=None):
        self.name, self.devices, self._steps, self._fails_on = name, (name,), steps, fails_on

    def _step(self, what):
        self._steps.append(f"{self.name} {what}")
        if what == self._fails_on:
            raise MeterError(f"{self.name} is lost")

    def open_window(self):
        self._step("open")
        return self

    def close(self, start_s, end_s):
        self._step("close")
        return FakeMeter().open_window().close(start_s, end_s)

    def abandon(self):
        self._step("abandon")

    def release(self):
        self._step("release")


def test_the_window_of_the_host_is_inside_that_of_the_gpus():
    steps = []
    meter = WithHost(Steps("gpu", steps), Steps("host", steps))
    meter.open_window().close(100.0, 101.0)
    meter.release()
    assert steps == ["gpu open", "host open", "host close", "gpu close", "host release", "gpu release"]
    assert (meter.name, meter.devices) == ("gpu", ("gpu",))


def test_a_host_that_does_not_open_has_the_reason_and_the_gpus_keep_their_joules():
    reading = WithHost(Steps("gpu", []), Steps("host", [], fails_on="open")).open_window().close(100.0, 101.0)
    assert reading.energy_j > 0
    assert (reading.host.energy_j, reading.host.reason) == (None, "the meter failed: host is lost")


def test_an_interrupt_while_the_host_opens_leaves_no_window_of_the_gpus_open():
    class Interrupted(Steps):
        def open_window(self):
            raise KeyboardInterrupt

    steps = []
    with pytest.raises(KeyboardInterrupt):
        WithHost(Steps("gpu", steps), Interrupted("host", steps)).open_window()
    assert steps == ["gpu open", "gpu abandon"]


def test_a_host_that_fails_in_the_window_is_a_problem_and_the_gpus_keep_their_joules():
    reading = WithHost(Steps("gpu", []), Steps("host", [], fails_on="close")).open_window().close(100.0, 101.0)
    assert reading.energy_j > 0
    assert reading.host.energy_j is None
    assert reading.host.reason == "the meter failed: host is lost"
    assert reading.problems == ("energy of the host: host is lost",)


def test_both_windows_are_abandoned():
    steps = []
    WithHost(Steps("gpu", steps), Steps("host", steps)).open_window().abandon()
    assert steps[2:] == ["host abandon", "gpu abandon"]


def a_machine(tmp_path, *zones):
    clock = SimClock()
    tree = SimPowercap(tmp_path / "powercap", zones, clock.seconds)
    clock.moved = tree.update
    return MeterContext(clock, gpus=(a_gpu(),), powercap=tree.root)


def test_the_host_of_80_w_is_reported_beside_the_gpus_and_not_added(tmp_path):
    bench = RaplBench(tmp_path / "powercap", package(), part("core"))
    meter = WithHost(FakeMeter(), bench.meter)
    window = meter.open_window()
    start_s = bench.clock.now()
    bench.tree.switch(start_s, 1.0)
    bench.clock.sleep(2.0)
    end_s = bench.clock.now()
    bench.tree.switch(end_s, 0.0)
    reading = window.close(start_s, end_s)
    alone = FakeMeter().open_window().close(start_s, end_s)
    assert reading.energy_j == alone.energy_j
    assert reading.per_device_j == alone.per_device_j
    assert reading.host.energy_j == pytest.approx(160.0, rel=1e-3)
    assert reading.host.uncertainty_j == pytest.approx(8.0, rel=0.01)
    assert [domain.name for domain in reading.host.domains] == ["package-0", "package-0/core"]


def test_a_machine_without_counters_has_the_reason(tmp_path):
    context = MeterContext(FakeClock(), gpus=(a_gpu(),), powercap=tmp_path / "powercap")
    reading = with_host(FakeMeter(), context).open_window().close(100.0, 101.0)
    assert reading.energy_j > 0
    assert reading.host.energy_j is None
    assert reading.host.reason.startswith("rapl: there is no ")
    assert reading.problems == ()


def test_a_machine_with_counters_measures_the_host(tmp_path):
    context = a_machine(tmp_path, package())
    meter = with_host(FakeMeter(), context)
    window = meter.open_window()
    start_s = context.clock.now()
    context.clock.sleep(1.0)
    reading = window.close(start_s, context.clock.now())
    meter.release()
    assert reading.host.energy_j == pytest.approx(20.0, rel=0.01)
