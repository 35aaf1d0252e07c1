"""The GPUs of a server."""

from __future__ import annotations

import pytest

from fake_gpu import a_gpu
from fake_proc import add_process, fake_proc
from llenergymeasure import ExperimentConfig
from llenergymeasure.core.backends.protocol import ServerDevices
from llenergymeasure.core.backends.registry import backend_devices, gpus_used
from llenergymeasure.core.backends.server.devices import measured_gpus, own_processes
from llenergymeasure.core.backends.server.processes.tree import ServerProcesses
from llenergymeasure.core.machine.process_tree import PROC
from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.exceptions import ConfigError


class Door:
    """Three GPUs, with a process on each of the first two."""

    gpus = tuple(map(a_gpu, range(3)))

    def processes(self, gpu):
        return {0: (70,), 1: (71, 80), 2: None}[gpu.index]


class IdleDoor:
    """One GPU, on which a process draws, and none computes."""

    gpus = (a_gpu(0),)

    def __init__(self, computing=(), mig=False):
        self._computing, self._mig = computing, mig

    def processes(self, gpu):
        return None if self._computing is None else (60, *self._computing)

    def computing(self, gpu):
        return self._computing

    def info(self, gpu):
        return GpuInfo(index=0, name="g", uuid=gpu.uuid, mig_enabled=self._mig)


def served(**section):
    section = section if "launch" in section else {"url": "http://127.0.0.1:9/v1", **section}
    return ExperimentConfig(model="m", backend="server", server=section)


def indices(config, pids=(), door=None, proc=PROC):
    """The numbers of the measured GPUs, for a server with some processes, or whose processes are not known."""
    processes = None if pids is None else ServerProcesses(lambda: pids, proc=proc)
    found = measured_gpus(config, door or Door(), lambda config: processes)
    return None if found is None else [gpu.index for gpu in found]


def test_the_configured_gpus_are_measured():
    assert indices(served(gpus=[2, 0]), pids=[71]) == [2, 0]


def test_the_gpus_of_a_running_servers_processes_are_measured():
    assert indices(served(), pids=[71, 99]) == [1]
    assert indices(served(), pids=[70, 71]) == [0, 1]


def test_all_visible_gpus_are_measured_where_the_servers_are_not_known():
    assert indices(served(), pids=None) is None
    assert indices(served(), pids=[]) is None
    assert indices(served(launch=["serve", "{port}"]), pids=None) is None


def test_a_server_without_a_process_on_a_gpu_computes_on_the_cpu():
    assert indices(served(), pids=[99], door=IdleDoor()) == []


@pytest.mark.parametrize("door", [IdleDoor(computing=(80,)), IdleDoor(computing=None), IdleDoor(mig=True)])
def test_it_is_not_known_where_another_program_may_compute_for_it(door):
    assert indices(served(), pids=[99], door=door) is None


def test_a_server_that_loads_its_model_later_may_use_a_gpu_then(tmp_path):
    fake_proc(tmp_path)
    add_process(tmp_path, 99, "ollama")
    assert indices(served(), pids=[99], door=IdleDoor(), proc=tmp_path) is None
    assert indices(served(), pids=[99], door=IdleDoor(computing=(99,)), proc=tmp_path) == [0]


def test_a_gpu_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match=r"server\.gpus names GPU 3, but this machine has 3 GPUs"):
        indices(served(gpus=[3]))


def test_a_server_elsewhere_has_no_gpus_here():
    assert gpus_used(served(energy="none")) == 0
    assert gpus_used(served(gpus=[0, 1])) == 2
    assert gpus_used(served()) is None


def test_a_port_without_a_server_has_no_processes():
    assert 1 not in own_processes(served())


def test_only_a_server_has_its_model_in_other_processes():
    assert isinstance(backend_devices("server"), ServerDevices)
    assert not isinstance(backend_devices("tensorrt"), ServerDevices)
