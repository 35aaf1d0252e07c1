"""When each step of a run took place, counted from the start of the window."""

from __future__ import annotations

import pytest

from a_result import a_result
from llenergymeasure.core.collect.timeline import timeline_of
from llenergymeasure.core.nvml.gpu import ConditionReading
from llenergymeasure.core.sampling.conditions import ConditionLog, conditions_of
from llenergymeasure.protocols import Window
from llenergymeasure.records import RunRecords
from llenergymeasure.testing import FakeClock


def test_a_result_has_its_steps_and_batches_from_the_start_of_the_window():
    timeline = a_result().timeline
    assert [phase.name for phase in timeline.phases] == ["idle", "load", "warmup", "floor", "window"]
    assert timeline.phases[2].end_s == pytest.approx(0)
    assert timeline.phases[2].start_s == pytest.approx(-0.19)
    first, second = timeline.batches
    assert (first.start_s, first.first_token_s, first.end_s) == pytest.approx((0, 0.1, 0.19))
    assert second.start_s == pytest.approx(first.end_s)


def test_a_step_that_began_after_the_window_is_not_its_history():
    window = Window(10.0, 12.0, 0.0, passes=(RunRecords(()),), config=None, engine=None, truncated_prompts=0)
    timeline = timeline_of([(9.0, "warmup"), (9.5, "window"), (12.5, "idle")], window)
    assert [(phase.name, phase.start_s, phase.end_s) for phase in timeline.phases] == [
        ("warmup", -1.0, -0.5),
        ("meter", -0.5, 0.0),
        ("window", 0.0, 2.0),
    ]


def test_the_traffic_before_the_window_is_a_step_of_its_own():
    window = Window(10.0, 12.0, 0.0, passes=(RunRecords(()),), config=None, engine=None, ramp_up_s=3.0)
    timeline = timeline_of([(5.0, "warmup"), (6.5, "window"), (12.5, "idle")], window)
    assert [(phase.name, phase.start_s, phase.end_s) for phase in timeline.phases] == [
        ("warmup", -5.0, -3.5),
        ("ramp_up", -3.5, -0.5),
        ("meter", -0.5, 0.0),
        ("window", 0.0, 2.0),
    ]


def test_the_traffic_after_the_window_is_the_last_step():
    window = Window(10.0, 12.0, 0.0, passes=(RunRecords(()),), config=None, engine=None, ramp_up_s=3.0, drain_s=0.5)
    timeline = timeline_of([(6.5, "window"), (12.5, "idle")], window)
    assert [(phase.name, phase.start_s, phase.end_s) for phase in timeline.phases][-2:] == [
        ("window", 0.0, 2.0),
        ("drain", 2.0, 2.5),
    ]


def test_conditions_of_a_gpu_are_those_of_the_window():
    log = ConditionLog()
    for second in range(10):
        log.add(float(second), ConditionReading(temperature_c=50.0 + second, clock_mhz=1000.0 + second))
    reported = conditions_of(3, log, 4.0, 6.0)
    assert reported.gpu_index == 3
    assert (reported.temperature_start_c, reported.temperature_end_c, reported.temperature_max_c) == (54.0, 56.0, 56.0)
    assert (reported.clock_min_mhz, reported.clock_mean_mhz, reported.clock_max_mhz) == (1004.0, 1005.0, 1006.0)


def test_a_gpu_that_reports_nothing_has_no_conditions():
    reported = conditions_of(0, ConditionLog(), 0.0, FakeClock().now())
    assert reported.model_dump(exclude={"gpu_index"}) == dict.fromkeys(reported.model_dump(exclude={"gpu_index"}), None)
