"""The simulated NVML, through the real pynvml, against a truth that shares no code with it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time

import pynvml
import pytest

from nvmlsim import (
    PARTIAL_COUNTER,
    Box,
    Constant,
    Fault,
    Freeze,
    Process,
    Pulses,
    Ramp,
    Reset,
    Sensor,
    Stall,
    Track,
    sim_gpu,
)
from nvmlsim.simulation import EPOCH_S

WAVES = {
    "constant": [Constant(300.0)],
    "square wave of 100 ms": [Constant(100.0), Pulses(300.0, 0.100)],
    "square wave of 730 ms": [Constant(100.0), Pulses(300.0, 0.730, start_s=0.2)],
    "ramps": [Constant(80.0), Ramp(320.0, 11.0, 14.0), Ramp(-200.0, 15.0, 15.5)],
    "bursts on a plateau": [Constant(220.0), Pulses(180.0, 1.7, share=0.12), Box(50.0, 12.0, 12.3)],
}


@pytest.fixture
def opened(simulate):
    """Makes simulated GPUs and hands back pynvml's handles to them."""
    users = []

    def make(*gpus, **options):
        sim = simulate(*gpus, **options)
        pynvml.nvmlInit()
        users.append(sim)
        return sim, [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(pynvml.nvmlDeviceGetCount())]

    yield make
    for _ in users:
        pynvml.nvmlShutdown()


def counter_j(handle):
    return pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3


def fields(handle):
    found = pynvml.nvmlDeviceGetFieldValues(handle, [83, 185, 186])
    return [
        None if one.nvmlReturn else (one.value.ullVal if one.valueType == 3 else one.value.uiVal) / 1e3 for one in found
    ]


@pytest.mark.parametrize("wave", WAVES)
def test_the_counter_shows_the_true_joules_at_its_ticks(opened, wave):
    tick = Sensor(0.02, 0.02)
    sim, (handle,) = opened(sim_gpu(idle=WAVES[wave], counter=tick), call_cost_s=0.0)
    random_ = random.Random(1)
    for _ in range(40):
        sim.clock.sleep(random_.random() / 3)
        shown_s = sim.now() // 0.02 * 0.02
        assert counter_j(handle) - 123_456.0 == pytest.approx(sim.truth_j(0.0, shown_s), abs=2e-3)


@pytest.mark.parametrize("wave", WAVES)
def test_power_sensors_show_the_mean_of_their_window(opened, wave):
    instant, average = Sensor(0.1, 0.025), Sensor(0.1, 1.0)
    sim, (handle,) = opened(sim_gpu(idle=WAVES[wave], instant=instant, average=average), call_cost_s=0.0)
    random_ = random.Random(2)
    for _ in range(20):
        sim.clock.sleep(random_.random())
        tick_s = sim.now() // 0.1 * 0.1
        _, average_w, instant_w = fields(handle)
        assert average_w == pytest.approx(sim.truth_j(tick_s - 1.0, tick_s) / 1.0, abs=2e-3)
        assert instant_w == pytest.approx(sim.truth_j(tick_s - 0.025, tick_s) / 0.025, abs=2e-3)


def test_load_is_added_while_it_is_switched_on_and_begins_anew_each_time(opened):
    tick = Sensor(0.001, 0.001)
    sim, (handle,) = opened(
        sim_gpu(
            idle=[Constant(50.0)],
            load=[Constant(100.0), Pulses(200.0, 0.7, 0.3)],
            rest=[Constant(40.0), Ramp(-40.0, 0.0, 0.6)],
            counter=tick,
        ),
        call_cost_s=0.0,
    )
    for seconds, level in ((1.3, 1.0), (0.4, 0.0), (2.0, 0.5), (1.0, 1.0), (3.0, 0.0)):
        sim.switch(level)
        sim.clock.sleep(seconds)
        assert counter_j(handle) - 123_456.0 == pytest.approx(sim.truth_j(0.0, sim.now()), abs=0.4)


def test_300_w_for_2_s_are_600_j_and_one_gpu_may_work_alone(opened):
    sim, handles = opened(sim_gpu(number=0), sim_gpu(number=1), call_cost_s=0.0)
    before = [counter_j(handle) for handle in handles]
    sim.switch(1.0, gpu=1)
    sim.clock.sleep(2.0)
    assert sim.truth_j(10.0, 12.0, gpu=1) == pytest.approx(600.0)
    assert counter_j(handles[0]) - before[0] == pytest.approx(120.0)
    assert counter_j(handles[1]) - before[1] == pytest.approx(600.0, rel=0.06)  # the last tick is not due yet


def test_a_counter_that_measures_a_quarter_of_the_time_misses_a_synchronous_load(opened):
    beat = [Constant(100.0), Pulses(300.0, 0.100, start_s=0.963)]  # every look falls into a pulse
    sim, (true, partial) = opened(sim_gpu(idle=beat), sim_gpu(number=1, idle=beat, counter=PARTIAL_COUNTER))
    before = [counter_j(handle) for handle in (true, partial)]
    sim.clock.sleep(10.0)
    used = [counter_j(handle) - then for handle, then in zip((true, partial), before)]
    assert used[0] == pytest.approx(2500.0, rel=0.01)
    assert used[1] == pytest.approx(4000.0, rel=0.01)


@pytest.mark.parametrize(
    ("architecture", "reported", "usage_is_average"),
    [
        ("hopper", (True, True, True), True),
        ("a100", (True, False, True), False),
        ("turing", (True, False, True), False),
        ("pascal", (False, False, True), False),
    ],
)
def test_each_architecture_has_its_sensors(opened, architecture, reported, usage_is_average):
    sim, (handle,) = opened(sim_gpu(architecture, idle=[Constant(50.0), Ramp(300.0, 10.0, 20.0)]))
    sim.clock.sleep(5.0)
    found = fields(handle)
    assert tuple(value is not None for value in found) == reported
    assert pynvml.nvmlDeviceGetPowerUsage(handle) / 1e3 == pytest.approx(found[1 if usage_is_average else 2], abs=0.01)


def test_it_describes_a_gpu(opened):
    gpu = sim_gpu("ada", 3, ecc=None, persistence=False, migs=["MIG-a"], processes=[Process(77), Process(0)])
    _, (handle,) = opened(gpu)
    assert pynvml.nvmlDeviceGetName(handle) == "NVIDIA L40S"
    assert pynvml.nvmlDeviceGetUUID(handle) == gpu.uuid
    assert pynvml.nvmlDeviceGetPciInfo(handle).busId == "00000000:1A:00.0"
    assert pynvml.nvmlDeviceGetArchitecture(handle) == pynvml.NVML_DEVICE_ARCH_ADA
    assert pynvml.nvmlDeviceGetCudaComputeCapability(handle) == (8, 9)
    assert pynvml.nvmlDeviceGetMemoryInfo(handle).total == 80_000_000_000
    assert pynvml.nvmlDeviceGetEnforcedPowerLimit(handle) == 700_000
    assert pynvml.nvmlDeviceGetPersistenceMode(handle) == 0
    assert pynvml.nvmlDeviceGetTemperature(handle, 0) == 45
    assert pynvml.nvmlDeviceGetTemperatureV(handle, 0) == 45
    assert pynvml.nvmlDeviceGetClockInfo(handle, 1) == 1980
    assert pynvml.nvmlDeviceGetUtilizationRates(handle).gpu == 50
    assert [one.pid for one in pynvml.nvmlDeviceGetComputeRunningProcesses(handle)] == [77, os.getpid()]
    assert pynvml.nvmlDeviceGetGraphicsRunningProcesses(handle) == []
    assert pynvml.nvmlSystemGetDriverVersion() == "580.95.05"
    assert pynvml.nvmlSystemGetCudaDriverVersion_v2() == 13000
    for call in (pynvml.nvmlDeviceGetEccMode, pynvml.nvmlDeviceGetC2cModeInfoV):
        with pytest.raises(pynvml.NVMLError_NotSupported):
            call(handle)


def test_an_instance_of_mig_has_no_power_but_a_parent(opened):
    gpu = sim_gpu(migs=["MIG-a", "MIG-b"])
    _, (handle,) = opened(gpu)
    instance = pynvml.nvmlDeviceGetHandleByUUID("MIG-b")
    assert pynvml.nvmlDeviceGetMigMode(handle) == [1, 1]
    with pytest.raises(pynvml.NVMLError_NotSupported):
        pynvml.nvmlDeviceGetTotalEnergyConsumption(instance)
    parent = pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(instance)
    assert pynvml.nvmlDeviceGetUUID(parent) == gpu.uuid


def test_the_driver_keeps_a_record_of_power(opened):
    sim, (handle,) = opened(sim_gpu("ampere", idle=[Constant(60.0), Box(300.0, 11.0, 12.0)]))
    sim.clock.sleep(4.0)
    kind, samples = pynvml.nvmlDeviceGetSamples(handle, pynvml.NVML_TOTAL_POWER_SAMPLES, int((EPOCH_S + 10.5) * 1e6))
    reported = [(one.timeStamp / 1e6 - EPOCH_S, one.sampleValue.uiVal / 1e3) for one in samples]
    assert kind == pynvml.NVML_VALUE_TYPE_UNSIGNED_INT
    assert all(b[0] - a[0] == pytest.approx(0.1, abs=1e-4) for a, b in zip(reported, reported[1:]))
    assert [power_w for time_s, power_w in reported if 11.11 < time_s < 11.99] == [360.0] * 9
    assert reported[0][0] > 10.5


def test_state_changes_at_its_time(opened):
    sim, (handle,) = opened(sim_gpu(tracks=[Track("reasons", 0), Track("reasons", 0x40, from_s=12.0)]))
    assert pynvml.nvmlDeviceGetCurrentClocksEventReasons(handle) == 0
    sim.clock.sleep(3.0)
    assert pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle) == 0x40
    with pytest.raises(pynvml.NVMLError_NotSupported):
        pynvml.nvmlDeviceGetClockInfo(handle, 1)


def test_a_fault_has_its_time_its_gpu_and_its_rhythm(opened):
    faults = [
        Fault("*", pynvml.NVML_ERROR_GPU_IS_LOST, from_s=12.0, to_s=13.0, gpu=1),
        Fault("nvmlDeviceGetPowerUsage", pynvml.NVML_ERROR_TIMEOUT, every=3, gpu=0),
        Fault("field:83", pynvml.NVML_ERROR_UNKNOWN, from_s=20.0),
    ]
    sim, (first, second) = opened(sim_gpu(number=0), sim_gpu(number=1), faults=faults)
    assert [failed(pynvml.nvmlDeviceGetPowerUsage, first) for _ in range(6)] == [0, 0, 10, 0, 0, 10]
    assert failed(counter_j, second) == 0
    sim.clock.sleep(2.5)
    assert failed(counter_j, first) == 0
    assert failed(counter_j, second) == pynvml.NVML_ERROR_GPU_IS_LOST
    sim.clock.sleep(8.0)
    assert failed(counter_j, second) == 0
    assert [value is None for value in fields(first)] == [True, False, False]


def failed(call, *arguments):
    try:
        call(*arguments)
    except pynvml.NVMLError as error:
        return error.value
    return 0


@pytest.mark.parametrize("code", [pynvml.NVML_ERROR_DRIVER_NOT_LOADED, pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH])
def test_the_beginning_may_fail(simulate, code):
    simulate(sim_gpu(), faults=[Fault("nvmlInit", code)])
    assert failed(pynvml.nvmlInit) == code


def test_outside_a_scenario_it_is_as_if_not_installed(simulation):
    with simulation(sim_gpu()).here():
        assert failed(pynvml.nvmlInit) == 0
        pynvml.nvmlShutdown()
    assert failed(pynvml.nvmlInit) == pynvml.NVML_ERROR_LIBRARY_NOT_FOUND


def test_a_frozen_counter_and_a_counter_that_was_reset(opened):
    sim, (frozen, reset) = opened(
        sim_gpu(number=0), sim_gpu(number=1), faults=[Freeze(from_s=11.0, gpu=0), Reset(at_s=12.0, gpu=1)]
    )
    sim.clock.sleep(1.5)
    before = counter_j(frozen), counter_j(reset)
    sim.clock.sleep(1.5)
    assert counter_j(frozen) == before[0]
    assert 0 < counter_j(reset) < 100 < before[1]


def test_a_stalled_call_takes_its_time(opened):
    sim, (handle,) = opened(sim_gpu(), faults=[Stall("nvmlDeviceGetPowerUsage", seconds=0.7)])
    before_s = sim.now()
    pynvml.nvmlDeviceGetPowerUsage(handle)
    assert sim.now() - before_s == pytest.approx(0.7, abs=0.001)


CHILD = """
import json, time, pynvml
pynvml.nvmlInit()
handle = pynvml.nvmlDeviceGetHandleByIndex(0)
before = time.time(), pynvml.nvmlDeviceGetTotalEnergyConsumption(handle), time.time()
time.sleep(0.5)
after = time.time(), pynvml.nvmlDeviceGetTotalEnergyConsumption(handle), time.time()
print(json.dumps([before, after, pynvml.nvmlDeviceGetName(handle)]))
"""


def test_another_process_sees_the_gpus_in_real_time(simulation):
    sim = simulation(sim_gpu(idle=[Constant(200.0)], counter=Sensor(0.01, 0.01)), real=True)
    done = subprocess.run(
        [sys.executable, "-c", CHILD], env={**os.environ, **sim.environ}, capture_output=True, text=True, check=True
    )
    before, after, name = json.loads(done.stdout)
    assert name == "NVIDIA H100 80GB HBM3"
    least_j, most_j = sim.truth_utc_j(before[2], after[0]), sim.truth_utc_j(before[0], after[2])
    assert least_j - 6.0 < (after[1] - before[1]) / 1e3 < most_j + 6.0
    early_s, now_s, late_s = time.perf_counter(), sim.now(), time.perf_counter()
    assert early_s <= now_s + sim.origin_s <= late_s
