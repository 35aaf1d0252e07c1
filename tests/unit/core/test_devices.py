"""One owner of NVML and of the sampler: the context that opens the devices."""

from __future__ import annotations

import threading

import pytest

from fake_nvml import FakeNvml
from llenergymeasure.core.devices import open_devices
from llenergymeasure.core.energy.nvml import create
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.testing import FakeClock


@pytest.fixture
def nvml():
    return FakeNvml()


def samplers():
    return [thread.name for thread in threading.enumerate() if thread.name == "llem-sampler"]


def test_nvml_and_the_sampler_are_started_and_stopped_once_whatever_a_meter_does(nvml):
    with open_devices(SystemClock(), {}, open_door=lambda: GpuDoor(nvml), sampling=True) as devices:
        assert samplers() == ["llem-sampler"]
        meter = create(devices)
        meter.release()
        assert samplers() == ["llem-sampler"]
        assert devices.door.energy_j(devices.gpus[0]) == 5000.0
    assert samplers() == []
    assert [name for name in nvml.calls if name in ("nvmlInit", "nvmlShutdown")] == ["nvmlInit", "nvmlShutdown"]


def test_a_failure_inside_ends_both(nvml):
    with (
        pytest.raises(ZeroDivisionError),
        open_devices(SystemClock(), {}, open_door=lambda: GpuDoor(nvml), sampling=True),
    ):
        raise ZeroDivisionError
    assert samplers() == []
    assert nvml.calls[-1] == "nvmlShutdown"


def test_reading_the_devices_starts_no_sampler(nvml):
    with open_devices(FakeClock(), {}, open_door=lambda: GpuDoor(nvml)) as devices:
        assert devices.sampler is not None
        assert samplers() == []
