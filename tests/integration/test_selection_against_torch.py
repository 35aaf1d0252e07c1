"""Which GPUs are ours, as torch itself counts them from CUDA_VISIBLE_DEVICES through the same simulated NVML."""

from __future__ import annotations

import pytest

from llenergymeasure.core.devices import open_devices
from nvmlsim import sim_gpu

pytestmark = pytest.mark.torch
cuda = pytest.importorskip("torch").cuda

UUIDS = ("GPU-4e81aa11-0000", "GPU-4e92bb22-0000", "GPU-77c0cc33-0000")
LISTS = [
    None, "", "-1", "0", "2,0", "1,-1,0", "0,9", "9", "9,0", "1,1", " 1 , 2 ", "1gpu2,2ampere", "+1", "none", "NoDevFiles",
    "GPU-77", "GPU-4e9", "GPU-4e", "GPU-4e92bb22-0000,GPU-4e81aa11-0000", "GPU-77,0", "0,GPU-77", "GPU-77,GPU-9,GPU-4e81",
    "GPU-77,GPU-77c0", "GPU-9",
]  # fmt: skip


@pytest.fixture
def three(simulate):
    return simulate(*(sim_gpu("hopper", number, uuid=uuid) for number, uuid in enumerate(UUIDS)))


@pytest.mark.parametrize("listed", LISTS)
def test_the_gpus_are_those_that_torch_counts(three, listed, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if listed is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    with open_devices(three.clock, {} if listed is None else {"CUDA_VISIBLE_DEVICES": listed}) as devices:
        ours = [gpu.uuid for gpu in devices.gpus]
    assert len(ours) == cuda._device_count_nvml()
    assert ours == torch_s_choice()


def torch_s_choice():
    """The uuids of what torch reads in the variable, up to its own count."""
    named = cuda._parse_visible_devices()
    if named and isinstance(named[0], str):
        named = cuda._transform_uuid_to_ordinals(named, list(UUIDS))
    return [UUIDS[number] for number in named[: cuda._device_count_nvml()]]


def test_a_mig_instance_is_its_whole_gpu(simulate):
    sim = simulate(sim_gpu(number=0), sim_gpu(number=1, migs=["MIG-a", "MIG-b"]))
    with open_devices(sim.clock, {"CUDA_VISIBLE_DEVICES": "MIG-b"}) as devices:
        assert [gpu.uuid for gpu in devices.gpus] == [sim.gpus[1].uuid]


ORDERS = [
    ({"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, None, ["Tesla T4"]),
    ({"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "FASTEST_FIRST"}, ["fast"], ["NVIDIA H100 80GB HBM3"]),
    ({"CUDA_VISIBLE_DEVICES": "0"}, ["fast"], ["NVIDIA H100 80GB HBM3"]),
    ({"CUDA_VISIBLE_DEVICES": "0"}, None, []),
    ({}, ["fast", "slow"], ["NVIDIA H100 80GB HBM3", "Tesla T4"]),
    ({"CUDA_VISIBLE_DEVICES": "GPU-00000000"}, None, ["Tesla T4"]),
]


@pytest.mark.parametrize(("environ", "cuda_says", "names"), ORDERS)
def test_gpus_that_differ_are_in_the_order_that_was_asked_for(simulate, environ, cuda_says, names):
    """NVML orders by PCI bus: the slow one comes first."""
    sim = simulate(sim_gpu("turing", 0), sim_gpu("hopper", 1))
    uuid = {"slow": sim.gpus[0].uuid, "fast": sim.gpus[1].uuid}
    ask = None if cuda_says is None else lambda: [uuid[which] for which in cuda_says]
    with open_devices(sim.clock, environ, ask_cuda=ask) as devices:
        assert [gpu.name for gpu in devices.gpus] == names
        assert devices.gpus or "CUDA_DEVICE_ORDER=PCI_BUS_ID" in devices.no_gpu_reason
