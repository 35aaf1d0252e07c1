"""Power before and after the window, in few rows."""

from __future__ import annotations

import pytest

from fake_gpu import FakeDoor, FakeGpu, SamplingClock, a_gpu
from llenergymeasure.core.sampling.outside import MOST_ROWS
from llenergymeasure.core.sampling.sampler import GpuSampler


def sampled(*models: FakeGpu, seconds: float) -> GpuSampler:
    """Samples from 10 s on."""
    clock = SamplingClock()
    clock.sampler = GpuSampler(FakeDoor(clock, models), [a_gpu(index) for index in range(len(models))], clock)
    clock.sleep(seconds)
    return clock.sampler


def test_power_is_known_before_and_after_the_window_and_not_inside_it():
    model = FakeGpu(steps=[(-1e9, 50.0), (13.0, 300.0), (15.0, 80.0)])
    (trace,) = sampled(model, seconds=7.0).trace(13.0, 15.0, 10.0).outside
    before = [(start, end) for start, end in zip(trace.start_s, trace.end_s) if end <= 0]
    after = [(start, end) for start, end in zip(trace.start_s, trace.end_s) if start >= 2]
    assert len(before) + len(after) == len(trace.power_w)
    assert (before[0][0], before[-1][1]) == pytest.approx((-3.0, 0.0), abs=0.06)
    assert (after[0][0], after[-1][1]) == pytest.approx((2.0, 4.0), abs=0.2)
    assert trace.power_w[: len(before)] == pytest.approx([50.0] * len(before), rel=0.1)
    assert trace.power_w[-1] == pytest.approx(80.0, rel=0.1)


@pytest.mark.parametrize("frozen_from_s", [9.0, 11.5])
def test_where_the_counter_stands_still_there_is_no_power(frozen_from_s):
    model = FakeGpu(frozen_from_s=frozen_from_s)
    (trace,) = sampled(model, seconds=7.0).trace(13.0, 15.0, 10.0).outside
    at_a_standstill = [
        power_w for end, power_w in zip(trace.end_s, trace.power_w, strict=True) if end + 13.0 > frozen_from_s + 0.5
    ]
    assert at_a_standstill
    assert set(at_a_standstill) == {None}


def test_each_gpu_has_a_trace():
    traces = sampled(FakeGpu(), FakeGpu(steps=[(-1e9, 200.0)]), seconds=5.0).trace(12.0, 13.0, 10.0).outside
    assert [trace.gpu_index for trace in traces] == [0, 1]
    assert traces[1].power_w[0] == pytest.approx(200.0, rel=0.05)


def test_a_long_wait_has_few_rows():
    (trace,) = sampled(FakeGpu(), seconds=900.0).trace(905.0, 906.0, 10.0).outside
    assert MOST_ROWS <= len(trace.power_w) <= 2 * MOST_ROWS


def test_a_window_from_the_first_sample_on_has_no_rows_before_it():
    (trace,) = sampled(FakeGpu(), seconds=2.0).trace(10.0, 12.0, 10.0).outside
    assert all(start >= 2.0 for start in trace.start_s)


def test_only_a_measured_window_has_it():
    assert sampled(FakeGpu(), seconds=3.0).trace(11.0, 12.0).outside == ()
