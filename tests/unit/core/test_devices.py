"""One owner of NVML and of the sampler: the context that opens the devices."""

from __future__ import annotations

import threading

import pytest

from fake_nvml import FakeNvml
from llenergymeasure.core.devices import ServerGpus, gpu_processes, open_devices
from llenergymeasure.core.energy.nvml import create
from llenergymeasure.core.energy.select import meter_findings
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.exceptions import ConfigError, MeterError
from llenergymeasure.testing import FakeClock

NO_PERMISSION = 4  # nvml.h


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


def test_the_gpus_of_a_server_are_those_that_its_backend_finds():
    server = ServerGpus(measured=lambda door: door.gpus[1:], own_processes=lambda: ())
    with open_devices(FakeClock(), {}, open_door=lambda: GpuDoor(FakeNvml(gpus=2)), server=server) as devices:
        assert [gpu.index for gpu in devices.gpus] == [1]


def test_gpus_that_the_configuration_names_are_missed_where_none_can_be_measured():
    def without_nvml():
        raise MeterError("NVML Shared Library Not Found")

    server = ServerGpus(measured=lambda door: None, own_processes=lambda: ())
    with pytest.raises(ConfigError, match=r"server.gpus names 1 GPU, but .*: NVML Shared Library Not Found"):
        open_devices(FakeClock(), {}, how_many=1, open_door=without_nvml, server=server).__enter__()
    with open_devices(FakeClock(), {}, open_door=without_nvml, server=server) as devices:
        assert devices.gpus == ()


def test_where_it_finds_none_all_visible_ones_are_measured(nvml):
    server = ServerGpus(measured=lambda door: None, own_processes=lambda: ())
    with open_devices(FakeClock(), {}, open_door=lambda: GpuDoor(nvml), server=server) as devices:
        assert devices.gpus == devices.door.gpus


def test_where_it_uses_none_none_is_measured_and_a_later_use_is_seen(nvml):
    server = ServerGpus(measured=lambda door: (), own_processes=lambda: ())
    with open_devices(FakeClock(), {}, open_door=lambda: GpuDoor(nvml), server=server, sampling=True) as devices:
        assert (devices.gpus, devices.sampler) == ((), None)
        (found,) = meter_findings("nvml", devices)
        assert found.problem == "energy.backend 'nvml' is not available: no process of the server uses a GPU"
        assert found.fix == (
            "set energy.backend: auto to measure the CPUs, or load the model first, or name the GPUs in server.gpus"
        )
        assert gpu_processes(devices, lambda: True) == {gpu.uuid: (7, 9) for gpu in devices.door.gpus}
    assert nvml.calls[-1] == "nvmlShutdown"


def test_processes_with_other_ids_or_that_are_not_listed_are_not_known(nvml):
    with open_devices(FakeClock(), {}, open_door=lambda: GpuDoor(nvml)) as devices:
        assert set(gpu_processes(devices, lambda: False).values()) == {None}
    unlisted = FakeNvml(failures={"nvmlDeviceGetComputeRunningProcesses": NO_PERMISSION})
    with open_devices(FakeClock(), {}, open_door=lambda: GpuDoor(unlisted)) as devices:
        assert set(gpu_processes(devices, lambda: True).values()) == {None}


def test_the_processes_of_every_gpu_are_listed(nvml):
    with open_devices(FakeClock(), {}, how_many=1, open_door=lambda: GpuDoor(nvml)) as devices:
        assert set(gpu_processes(devices)) == {gpu.uuid for gpu in devices.door.gpus}
    with open_devices(FakeClock(), {}, how_many=0) as devices:
        assert gpu_processes(devices) == {}
