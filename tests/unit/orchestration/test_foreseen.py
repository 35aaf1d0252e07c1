"""The meter that a dry run foresees, and whether the energy would be measured."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from fake_gpu import FakeDoor, FakeGpu, a_gpu
from llenergymeasure import ExperimentConfig
from llenergymeasure.core.devices import MeterContext
from llenergymeasure.orchestration.foreseen import foreseen_energy
from llenergymeasure.testing import FakeClock
from powercapsim import RaplBench


def no_devices(config, environ):
    raise AssertionError("the devices were opened")


def foreseen(powercap, context=None, narrowed="auto", has=lambda module: True, clock=None, **fields):
    """With a context: on a machine with a driver, and these devices."""
    config = ExperimentConfig(model="m", **fields)
    devices_of = no_devices if context is None else lambda config, environ: nullcontext(context)
    found = foreseen_energy(config, narrowed, {}, devices_of, lambda: context is not None, powercap, has, clock)
    return found.meter, found.source


def on_gpu(tmp_path):
    clock = FakeClock()
    return MeterContext(clock, FakeDoor(clock, [FakeGpu()]), (a_gpu(),), powercap=tmp_path / "none")


def test_the_energy_of_a_gpu_is_measured(tmp_path):
    assert foreseen(tmp_path / "none", on_gpu(tmp_path)) == ("nvml", "measured")


def test_without_a_driver_nothing_is_opened_and_the_energy_of_the_cpu_is_an_estimate(tmp_path):
    assert foreseen(tmp_path / "none") == ("codecarbon", "estimated")
    assert foreseen(tmp_path) == ("codecarbon", "estimated")
    assert foreseen(tmp_path / "none", has=lambda module: False) == ("none", None)


def test_counters_of_the_cpu_that_advance_measure_it(tmp_path):
    bench = RaplBench(tmp_path / "powercap")
    assert foreseen(tmp_path / "powercap", clock=bench.clock) == ("rapl", "measured")
    assert foreseen(tmp_path / "powercap", clock=FakeClock()) == ("codecarbon", "estimated")


def test_an_experiment_on_the_cpu_of_a_machine_with_a_driver_is_an_estimate_too(tmp_path):
    pytest.importorskip("codecarbon")
    context = MeterContext(FakeClock(), powercap=tmp_path / "none")
    assert foreseen(tmp_path / "none", context) == ("codecarbon", "estimated")


@pytest.mark.parametrize("fields", [{"energy": {"backend": "null"}}, {"narrowed": "null"}])
def test_energy_that_is_switched_off_has_no_source(tmp_path, fields):
    assert foreseen(tmp_path, on_gpu(tmp_path), **fields) == ("null", None)


def test_a_server_elsewhere_is_not_measured_by_a_meter_of_this_machine(tmp_path):
    server = {"url": "http://192.0.2.1/v1", "energy": "none"}
    assert foreseen(tmp_path, on_gpu(tmp_path), backend="server", server=server) == ("none", None)
