"""The sampler, its rows, and throttling, on a fake GPU."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from fake_gpu import FakeDoor, FakeGpu, SamplingClock, a_gpu
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.nvml.gpu import ConditionReading
from llenergymeasure.core.sampling.conditions import ConditionLog, throttling_of
from llenergymeasure.core.sampling.gpu_processes import GpuProcesses
from llenergymeasure.core.sampling.power_integral import instant_energy_j
from llenergymeasure.core.sampling.power_sensors import instant_sensor
from llenergymeasure.core.sampling.sampler import GpuSampler
from llenergymeasure.exceptions import ReadingFailed
from llenergymeasure.protocols import Sampler


def watched(*models, seconds=5.0):
    clock = SamplingClock()
    gpus = [a_gpu(index) for index in range(len(models))]
    clock.sampler = GpuSampler(FakeDoor(clock, models), gpus, clock)
    clock.sleep(seconds)
    return clock.sampler, clock


def test_it_keeps_the_protocol():
    assert isinstance(watched(FakeGpu())[0], Sampler)


def test_rows_of_a_window_sum_to_its_energy():
    model = FakeGpu(steps=[(-1e9, 100.0), (11.0, 300.0), (13.5, 100.0)])
    sampler, _ = watched(model, seconds=6.0)  # from 10 s to 16 s
    trace = sampler.trace(11.0, 13.5)
    series = trace.timeseries
    assert series.timestamp_s == (0.0, 1.0, 2.0)
    assert sum(series.energy_j) == pytest.approx(750.0, rel=0.05)
    assert series.power_w[1] == pytest.approx(300.0, rel=0.03)
    assert set(series.temperature_c) == {55.0}


def test_two_gpus_have_rows_of_their_own():
    sampler, _ = watched(FakeGpu(), FakeGpu(steps=[(-1e9, 200.0)]))
    series = sampler.trace(11.0, 13.0).timeseries
    assert series.gpu_index == (0, 0, 1, 1)
    assert series.power_w[:2] == pytest.approx((50, 50), rel=0.05)
    assert series.power_w[2:] == pytest.approx((200, 200), rel=0.05)


def test_it_reports_on_itself():
    sampler, clock = watched(FakeGpu())
    report = sampler.trace(11.0, 13.0).report
    assert report.n_samples == pytest.approx(40, abs=1)
    assert report.gaps == 0
    clock.sampler = None
    clock.sleep(2.0)  # no samples are taken
    clock.sampler = sampler
    clock.sleep(1.0)
    report = sampler.trace(14.0, 17.5).report
    assert report.gaps == 1
    assert report.longest_gap_s == pytest.approx(2.0, abs=0.1)


def test_a_gpu_without_a_temperature_does_not_hide_the_drift_of_another():
    sampler, _ = watched(FakeGpu(), FakeGpu())
    sampler.conditions = {"GPU-0": ConditionLog(), "GPU-1": ConditionLog()}
    for time_s, degrees in ((11.0, 50.0), (12.5, 65.0)):
        sampler.conditions["GPU-1"].add(time_s, ConditionReading(temperature_c=degrees))
    sampler.conditions["GPU-0"].add(12.5, ConditionReading(temperature_c=70.0))
    assert [gpu.drift_c for gpu in sampler.trace(11.5, 13.0).conditions] == [None, 15.0]


def test_readings_that_failed_are_counted():
    sampler, _ = watched(FakeGpu(fails=lambda call: call % 10 == 0))
    assert "readings failed" in sampler.trace(11.0, 13.0).report.problems[0]


def test_a_lost_gpu_is_not_read_again_and_the_other_goes_on():
    sampler, _ = watched(FakeGpu(lost_from_s=12.0), FakeGpu())
    report = sampler.trace(11.0, 14.0).report
    assert "GPU is lost" in report.problems[0]
    assert sampler.power["GPU-1"].times(13.0, 14.0)
    assert not sampler.power["GPU-0"].times(12.5, 14.0)


def test_its_thread_runs_and_ends():
    clock = SystemClock()

    class RealDoor(FakeDoor):
        def _enter(self, gpu):
            return self.models[gpu.handle]

    sampler = GpuSampler(RealDoor(clock, [FakeGpu()]), [a_gpu()], clock, interval_s=0.005)
    sampler.start()
    sampler.start()
    deadline = time.monotonic() + 60
    while len(sampler.power["GPU-0"]) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    sampler.stop()
    sampler.stop()
    taken = len(sampler.power["GPU-0"])
    assert taken >= 5
    assert sampler.cpu_seconds() > 0
    time.sleep(0.03)
    assert len(sampler.power["GPU-0"]) == taken


def conditions(*reasons):
    log = ConditionLog()
    for second, bits in enumerate(reasons):
        log.add(float(second), ConditionReading(temperature_c=60.0 + second, reasons=bits))
    return log


@pytest.mark.parametrize(
    ("bits", "names"),
    [
        (0x4, {"power"}),
        (0x20, {"thermal", "sw_thermal"}),
        (0x40, {"thermal", "hw_thermal"}),
        (0x80, {"power", "hw_power"}),
    ],
)
def test_each_reason_is_reported_by_its_name(bits, names):
    info = throttling_of([conditions(0, bits, 0)], 0.0, 3.0)
    reported = {name for name in ("thermal", "power", "sw_thermal", "hw_thermal", "hw_power") if getattr(info, name)}
    assert reported == names
    assert info.detected
    assert info.throttle_duration_sec == pytest.approx(1.0)
    assert info.throttle_timestamps == (1.0,)
    assert info.max_temperature_c == 62.0


def test_idle_and_other_reasons_are_no_throttling():
    assert not throttling_of([conditions(0x1, 0x2, 0x10)], 0.0, 3.0).detected


def test_a_gpu_that_reports_no_reasons_does_not_count_as_not_throttled():
    assert throttling_of([conditions(0, 0), conditions(None, None)], 0.0, 3.0) is None
    assert throttling_of([conditions(0, 0x4), conditions(None, None)], 0.0, 3.0).detected


def test_throttling_that_began_before_the_window_counts_from_its_start():
    info = throttling_of([conditions(0x4, 0x4, 0)], 0.5, 3.0)
    assert info.throttle_duration_sec == pytest.approx(1.5)
    assert info.throttle_timestamps == (0.0, 0.5)


def test_without_reasons_throttling_is_unknown():
    assert throttling_of([conditions(None, None)], 0.0, 3.0) is None


def test_a_full_log_of_conditions_is_thinned():
    log = ConditionLog(capacity=64)
    for second in range(1000):
        log.add(float(second), ConditionReading(temperature_c=1.0))
    assert len(log.times) < 64
    assert log.times[-1] == 999.0


def test_a_foreign_process_on_the_gpu_is_named_even_when_it_leaves_before_the_end():
    clock, door_pids = SamplingClock(), [(7,), (7, 8), (7,)]

    class Door(FakeDoor):
        def processes(self, gpu):
            return door_pids.pop(0) if door_pids else (7,)

    clock.sampler = GpuSampler(
        Door(clock, [FakeGpu()]), [a_gpu()], clock, gpu_processes=GpuProcesses(own={7}, same_numbers=True)
    )
    clock.sleep(16.0)
    assert clock.sampler.trace(12.0, 24.0).foreign_processes == ("GPU 0 pid 8",)
    assert clock.sampler.trace(22.0, 24.0).foreign_processes == ()


@pytest.mark.parametrize(("pids", "foreign"), [((31,), ()), ((31, 32), ("GPU 0 pid 32",))])
def test_in_a_container_one_unknown_process_may_be_our_own(pids, foreign):
    seen = GpuProcesses(own={7}, same_numbers=False)
    seen.add(1.0, a_gpu(), pids)
    assert seen.foreign(0.0, 2.0) == foreign


def test_processes_that_this_one_has_started_are_its_own_also_after_their_end():
    running = [8, 9]
    seen = GpuProcesses(own={7}, same_numbers=True, started=lambda: running)
    seen.add(1.0, a_gpu(), (7, 8, 31))
    running.clear()
    seen.add(2.0, a_gpu(), (7, 8, 31))
    assert seen.foreign(0.0, 3.0) == ("GPU 0 pid 31",)


def test_in_a_container_the_number_of_a_child_may_be_that_of_another_process():
    seen = GpuProcesses(own={7}, same_numbers=False, started=lambda: [32])
    seen.add(1.0, a_gpu(), (31, 32))
    assert seen.foreign(0.0, 2.0) == ("GPU 0 pid 32",)


def test_a_child_of_this_process_is_its_own():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        seen = GpuProcesses(same_numbers=True)
        seen.add(1.0, a_gpu(), (child.pid, 1))
        child.communicate(b"\n")
    assert seen.foreign(0.0, 2.0) == ("GPU 0 pid 1",)


@pytest.mark.parametrize(("records", "gaps", "recorded"), [(True, 0, 20), (False, 1, 0)])
def test_a_gap_is_filled_from_the_driver_s_record_where_there_is_one(records, gaps, recorded):
    clock = SamplingClock()
    model = FakeGpu(steps=[(-1e9, 100.0), (13.0, 300.0), (14.0, 100.0)])
    sampler = clock.sampler = GpuSampler(FakeDoor(clock, [model], records=records), [a_gpu()], clock)
    clock.sleep(2.5)
    clock.sampler = None
    clock.sleep(2.0)  # the poller stalls while the power steps up and down
    clock.sampler = sampler
    clock.sleep(2.0)
    report = sampler.trace(11.0, 16.0).report
    assert (report.gaps, report.from_driver_record) == (gaps, pytest.approx(recorded, abs=1))
    energy_j = instant_energy_j(sampler.power["GPU-0"], instant_sensor("ampere", ""), 11.0, 16.0)
    assert (energy_j == pytest.approx(700.0, rel=0.02)) is records


@pytest.mark.slow
def test_a_day_of_eight_gpus_stays_under_50_mb():
    sampler, _ = watched(*[FakeGpu()] * 8, seconds=0.2)
    log, conditions = sampler.power["GPU-0"], sampler.conditions["GPU-0"]
    reading = ConditionReading(55.0, 1000.0, 80000.0, 97.0, 1980.0, 0)
    for index in range(24 * 3600 * 20):
        log.add(20.0 + 0.05 * index, energy_j=5.0 * index, average_w=100.0, instant_w=100.0)
    for index in range(24 * 3600 * 2):
        conditions.add(20.0 + 0.5 * index, reading)
    kept = [*conditions.columns.values(), conditions.times]
    while log is not None:
        kept += log.columns.values()
        log = log._coarser
    per_gpu_mb = sum(column.buffer_info()[1] * column.itemsize for column in kept) / 1e6
    assert 1 < 8 * per_gpu_mb < 50


def test_a_thread_that_hangs_in_the_driver_is_abandoned_and_nvml_stays_open():
    entered, released, abandoned = threading.Event(), threading.Event(), []

    class Hanging(FakeDoor):
        def power(self, gpu):
            entered.set()
            released.wait(10.0)
            raise ReadingFailed("at last")

        def abandon(self):
            abandoned.append(True)

    clock = SystemClock()
    sampler = GpuSampler(Hanging(clock, [FakeGpu()]), [a_gpu()], clock)
    sampler.start()
    assert entered.wait(10.0)
    sampler.stop()
    assert abandoned == [True]
    released.set()
