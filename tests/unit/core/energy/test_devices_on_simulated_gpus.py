"""Which GPU is charged for the work: by its uuid, in any order, as a whole where MIG divides it."""

from __future__ import annotations

import pytest

from llenergymeasure.core.devices import gpu_infos, open_devices
from llenergymeasure.core.energy.nvml import NvmlMeter
from nvmlsim import Constant, sim_gpu

FIRST = sim_gpu(number=0, idle=[Constant(60.0)], load=[Constant(240.0)])
SECOND = sim_gpu("ampere", number=1, idle=[Constant(30.0)], load=[Constant(70.0)])


@pytest.fixture
def measured(simulate):
    """The reading of 2 s of work on simulated GPUs, of those that the environment shows."""

    def measure(*gpus, environ, how_many=None, ask_cuda=None, busy=-1):
        sim = simulate(*gpus)
        with open_devices(sim.clock, environ, how_many, ask_cuda) as context:
            sim.clock.sampler = context.sampler
            sim.clock.sleep(2.0)
            window = NvmlMeter(context.door, context.gpus, context.sampler, sim.clock).open_window()
            start_s = sim.clock.now()
            sim.switch(1.0, gpu=busy)
            sim.clock.sleep(2.0)
            end_s = sim.clock.now()
            sim.switch(0.0)
            reading, infos = window.close(start_s, end_s), gpu_infos(context)
            sim.clock.sampler = None
        return reading, sim, (start_s, end_s), infos

    return measure


@pytest.mark.parametrize(
    ("visible", "charged"), [(f"{SECOND.uuid},{FIRST.uuid}", 1), (f"{FIRST.uuid},{SECOND.uuid}", 0)]
)
def test_two_gpus_by_uuid_in_either_order_and_the_right_one_is_charged(measured, visible, charged):
    reading, sim, window, infos = measured(
        FIRST, SECOND, environ={"CUDA_VISIBLE_DEVICES": visible}, how_many=1, busy=charged
    )
    assert [info.index for info in infos] == [charged]
    assert list(reading.per_device_j) == [sim.gpus[charged].uuid]
    assert reading.energy_j == pytest.approx((600.0, 200.0)[charged], rel=0.003)
    assert reading.energy_j == pytest.approx(sim.truth_j(*window, gpu=charged), rel=0.003)


def test_cuda_s_own_order_is_asked_for_where_gpus_differ(measured):
    reading, *_ = measured(FIRST, SECOND, environ={}, how_many=1, ask_cuda=lambda: [SECOND.uuid, FIRST.uuid], busy=1)
    assert list(reading.per_device_j) == [SECOND.uuid]
    assert reading.energy_j == pytest.approx(200.0, rel=0.003)


def test_several_gpus_are_the_sum_of_each(measured):
    reading, sim, window, _ = measured(FIRST, SECOND, environ={})
    for index, gpu in enumerate(sim.gpus):
        assert reading.per_device_j[gpu.uuid] == pytest.approx(sim.truth_j(*window, gpu=index), rel=0.003)
    assert reading.energy_j == pytest.approx(800.0, rel=0.003)
    assert reading.energy_j == sum(reading.per_device_j.values())


def test_an_instance_of_mig_is_measured_as_its_whole_gpu_and_flagged(measured):
    parent = sim_gpu(number=1, idle=[Constant(60.0)], load=[Constant(240.0)], migs=["MIG-a", "MIG-b"])
    reading, _, _, infos = measured(FIRST, parent, environ={"CUDA_VISIBLE_DEVICES": "MIG-b"})
    assert list(reading.per_device_j) == [parent.uuid]
    assert reading.energy_j == pytest.approx(600.0, rel=0.003)
    assert [info.mig_enabled for info in infos] == [True]
