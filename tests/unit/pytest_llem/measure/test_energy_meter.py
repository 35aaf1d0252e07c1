"""Windows of the `energy_meter` fixture: nested, repeated, left open, failing, async and concurrent."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import anyio
import pytest

from llenergymeasure.core.energy.null import NoMeter
from llenergymeasure.core.energy.replay import ReplayMeter
from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.exceptions import Finding, MeterError, PreFlightError
from llenergymeasure.testing import FakeMeter, metering
from pytest_llem.gated.gates import Gates
from pytest_llem.measure.energy_meter import EnergyMeter
from pytest_llem.settings import Settings

AN_ITEM = SimpleNamespace(nodeid="test_it")


class FakeBench:
    """A measuring with one meter."""

    def __init__(self, meter):
        self.metering = metering(meter)

    def metering_for(self, item):
        return self.metering

    def taking_joules_of(self, test):
        from contextlib import nullcontext

        return nullcontext()


class UnavailableBench:
    def metering_for(self, item):
        raise PreFlightError([Finding("energy.backend 'nvml' is not available: no NVIDIA GPU", "nvidia-smi")])


class BrokenMeter(FakeMeter):
    def open_window(self):
        raise MeterError("GPU is lost")


class UntrustedMeter(FakeMeter):
    """A reading without joules, but with a problem."""

    def open_window(self):
        window = super().open_window()
        window.close = lambda start_s, end_s: EnergyReading(
            meter="fake", reason="GPU 0: reset required", problems=("GPU 0: reset required",)
        )
        return window


class StillMeter(FakeMeter):
    """A counter that did not move, as one in a window shorter than its tick."""

    def open_window(self):
        window = super().open_window()
        window.close = lambda start_s, end_s: EnergyReading(meter="fake", energy_j=0.0, method="counter")
        return window


def meter(of=None, properties=None):
    record = {} if properties is None else properties
    measuring = FakeBench(FakeMeter() if of is None else of)
    return EnergyMeter(lambda: measuring, AN_ITEM, record.__setitem__, no_gates())


def no_gates():
    """As without `--llem`: gates are checked and not judged."""
    return Gates(SimpleNamespace(settings=Settings()), AN_ITEM, None)


def test_a_window_has_the_joules_of_its_time():
    with meter().window("work", output_tokens=10) as window:
        pass
    assert window.valid
    assert window.energy_j == pytest.approx(100 * window.duration_s)
    assert window.energy_per_output_token == window.energy_j / 10
    assert (window.method, window.name, window.parent) == ("counter", "work", None)
    assert window.energy_per_device_j == {"GPU-0": window.energy_j}
    assert window.uncertainty_j == pytest.approx(0.05 * window.energy_j)


def test_numbers_are_none_while_it_is_open():
    with meter().window() as window:
        assert (window.energy_j, window.duration_s, window.valid) == (None, None, False)


def test_no_joules_at_all_are_a_fault_and_no_number():
    with meter(StillMeter()).window() as window:
        pass
    assert (window.valid, window.energy_j) == (False, None)
    assert "fake gave 0 J, which is impossible" in window.warnings[0]
    assert "make the window longer" in window.warnings[0]


def test_nested_windows_know_their_parent_and_the_outer_one_what_is_its_own():
    energy_meter = meter()
    with energy_meter.window("outer") as outer:
        with energy_meter.window("inner") as first:
            pass
        with energy_meter.window("inner") as second:
            pass
    assert first.parent is outer
    assert second.parent is outer
    assert outer.exclusive_j == pytest.approx(outer.energy_j - first.energy_j - second.energy_j)
    assert outer.warnings == []


def test_the_own_joules_of_a_window_are_unknown_when_those_inside_are():
    energy_meter = meter()
    with energy_meter.window("outer") as outer, pytest.raises(ZeroDivisionError), energy_meter.window("inner"):
        1 / 0  # noqa: B018
    assert outer.energy_j is not None
    assert outer.exclusive_j is None
    assert outer.warnings == ["exclusive_j is None: the inner window 'inner' was not measured"]


def test_own_joules_below_zero_are_unknown_with_both_values():
    """A sensor is not exact: readings of inner windows may add up to more than the reading around them."""
    energy_meter = meter(ReplayMeter(iter([10.0, 6.0, 5.0]).__next__))
    with energy_meter.window("outer") as outer:
        with energy_meter.window("inner"):
            pass
        with energy_meter.window("inner"):
            pass
    assert (outer.energy_j, outer.exclusive_j) == (10.0, None)
    assert outer.warnings[-1] == "exclusive_j is None: the inner windows measured 11 J, more than its 10 J"
    assert outer.as_plain()["exclusive_j"] is None


def test_interleaved_windows_are_concurrent_and_not_nested():
    energy_meter = meter()
    with energy_meter.window("around") as around:
        first = energy_meter.window("first").__enter__()
        second = energy_meter.window("second").__enter__()
        first.__exit__(None, None, None)
        with energy_meter.window("inside") as inside:
            pass
        second.__exit__(None, None, None)
    assert second.parent is around
    assert inside.parent is second
    assert first.exclusive_j == first.energy_j
    assert first.warnings == ["overlaps window 'second': each includes the energy of both"]
    assert second.warnings == ["overlaps window 'first': each includes the energy of both"]
    assert second.exclusive_j == pytest.approx(second.energy_j - inside.energy_j)
    assert around.exclusive_j is None
    assert around.warnings == ["exclusive_j is None: its inner windows overlap each other"]


def test_after_interleaved_windows_the_next_one_nests_in_what_is_open():
    energy_meter = meter()
    first = energy_meter.window("first").__enter__()
    second = energy_meter.window("second").__enter__()
    third = energy_meter.window("third").__enter__()
    first.__exit__(None, None, None)
    assert (second.parent, third.parent) == (None, second)
    assert third.warnings == ["overlaps window 'first': each includes the energy of both"]
    third.__exit__(None, None, None)
    second.__exit__(None, None, None)
    with energy_meter.window("later") as later:
        pass
    assert later.parent is None
    assert second.exclusive_j == pytest.approx(second.energy_j - third.energy_j)


def test_a_name_may_be_used_again_and_a_window_may_not():
    energy_meter = meter()
    with energy_meter.window("step"):
        pass
    with energy_meter.window("step") as second:
        pass
    assert [window.name for window in energy_meter.windows] == ["step", "step"]
    with pytest.raises(RuntimeError, match="'step' was used before"), second:
        pass


def test_a_window_that_is_left_open_is_no_number():
    energy_meter = meter()
    window = energy_meter.window("open").__enter__()
    energy_meter.finish()
    assert (window.valid, window.energy_j) == (False, None)
    assert window.warnings == ["not closed: the test ended before the window"]
    with energy_meter.window("next") as following:
        pass
    assert following.parent is None


def test_an_exception_inside_a_window_is_raised_and_gives_no_number():
    energy_meter = meter()
    window = energy_meter.window("failing")
    with pytest.raises(ZeroDivisionError), window:
        1 / 0  # noqa: B018
    assert (window.valid, window.energy_j) == (False, None)
    assert window.warnings == ["ZeroDivisionError was raised inside: only a part of the work was measured"]


@pytest.mark.parametrize(
    "broken", [FakeMeter(failing=True), BrokenMeter(), UntrustedMeter()], ids=lambda each: type(each).__name__
)
def test_a_window_that_saw_a_fault_is_invalid_and_never_a_number(broken):
    with meter(broken).window() as window:
        pass
    assert (window.valid, window.energy_j, window.energy_per_output_token) == (False, None, None)
    assert any("GPU" in warning for warning in window.warnings)
    assert window.duration_s is not None


def test_without_a_meter_nothing_is_measured_and_the_reason_lists_the_attempts():
    energy_meter = meter(NoMeter("no meter is available: zeus: not installed; nvml: no NVIDIA GPU"))
    assert (energy_meter.available, energy_meter.name) == (False, "none")
    with energy_meter.window() as window:
        pass
    assert (window.valid, window.energy_j) == (False, None)
    assert "nvml: no NVIDIA GPU" in window.warnings[0]


def test_a_named_meter_that_is_missing_is_reported():
    energy_meter = EnergyMeter(UnavailableBench, AN_ITEM, lambda key, value: None, no_gates())
    assert (energy_meter.available, energy_meter.name) == (False, "none")
    assert "no NVIDIA GPU" in energy_meter.reason
    with energy_meter.window() as window:
        pass
    assert (window.valid, window.energy_j) == (False, None)


class Estimator(FakeMeter):
    def open_window(self):
        window = super().open_window()
        window.close = lambda start_s, end_s: EnergyReading(meter="fake", energy_j=3.0, method="estimated")
        return window


def test_an_estimate_is_reported_as_an_estimate():
    with meter(Estimator()).window() as window:
        pass
    assert (window.energy_j, window.method) == (3.0, "estimated")
    assert window.warnings == ["an estimate by fake, not a measurement"]


def test_replayed_joules_are_reported_as_simulated():
    with meter(ReplayMeter(lambda: 12.5)).window() as window:
        pass
    assert (window.energy_j, window.method) == (12.5, "replayed")
    assert window.warnings == ["simulated: the joules come from a recording"]


async def two_at_once(energy_meter, sleep, gather):
    opened = []

    async def task(name):
        async with energy_meter.window(name) as window:
            opened.append(window)
            await sleep(0.01)

    await gather(task("one"), task("two"))
    return opened


def overlap_is_reported(one, two):
    assert one.parent is None
    assert two.parent is None
    assert one.valid
    assert two.valid
    assert one.warnings == ["overlaps window 'two': each includes the energy of both"]
    assert two.warnings == ["overlaps window 'one': each includes the energy of both"]


def test_windows_of_two_asyncio_tasks_belong_to_their_tasks_and_report_their_overlap():
    overlap_is_reported(*asyncio.run(two_at_once(meter(), asyncio.sleep, asyncio.gather)))


def test_windows_under_anyio_behave_the_same():
    async def gather(*tasks):
        async with anyio.create_task_group() as group:
            for task in tasks:
                group.start_soon(lambda each: each, task)

    overlap_is_reported(*anyio.run(two_at_once, meter(), anyio.sleep, gather))


def test_an_async_window_nests():
    async def work(energy_meter):
        async with energy_meter.window("outer") as outer, energy_meter.window("inner") as inner:
            await asyncio.sleep(0)
        return outer, inner

    outer, inner = asyncio.run(work(meter()))
    assert inner.parent is outer
    assert outer.warnings == []


def test_windows_of_two_threads_report_their_overlap():
    energy_meter, both_open = meter(), threading.Barrier(2, timeout=10)

    def work(name):
        with energy_meter.window(name):
            both_open.wait()
            both_open.wait()

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    overlap_is_reported(*sorted(energy_meter.windows, key=lambda window: window.name))


def test_measure_calls_a_function_in_windows_of_its_name():
    calls = []
    windows = meter().measure(calls.append, 3, repeats=4)
    assert calls == [3, 3, 3, 3]
    assert [window.name for window in windows] == ["append"] * 4
    with pytest.raises(ValueError, match="repeats is 0"):
        meter().measure(calls.append, 3, repeats=0)


def test_a_loop_over_a_window_measures_its_repeats():
    energy_meter = meter()
    for window in energy_meter.window("work", output_tokens=10, repeats=3):
        with window:
            pass
    assert [(each.name, each.output_tokens) for each in energy_meter.windows] == [("work", 10)] * 3
    assert all(each.valid for each in energy_meter.windows)
    with pytest.raises(ValueError, match="repeats is 0"):
        energy_meter.window("work", repeats=0)


def test_a_loop_that_does_not_open_its_window_is_refused():
    with pytest.raises(
        RuntimeError, match=r"window 'work' was not measured in its iteration: write `with window:` inside the loop"
    ):
        for _ in meter().window("work", repeats=3):
            pass


def test_without_llem_a_loop_over_a_gated_window_runs_once():
    energy_meter = meter()
    for window in energy_meter.window("work", gate={"energy_j": "5%"}, repeats=3):
        with window:
            pass
    assert len(energy_meter.windows) == 1


def test_a_value_that_is_not_callable_is_refused_with_advice():
    with pytest.raises(TypeError, match=r"to measure a block: with energy_meter\.window\('work'\)"):
        meter().measure("work")


def test_what_is_recorded_is_plain():
    numpy = pytest.importorskip("numpy")
    properties = {}
    energy_meter = meter(properties=properties)
    for key, value in {
        "a": numpy.float64(1.5),
        "b": numpy.int32(2),
        "c": numpy.bool_(True),
        "d": [1],
        "e": None,
    }.items():
        energy_meter.record(key, value)
    assert properties == {"a": 1.5, "b": 2, "c": True, "d": "[1]", "e": "None"}
    assert {key: type(value) for key, value in properties.items()} == {
        "a": float,
        "b": int,
        "c": bool,
        "d": str,
        "e": str,
    }


def test_the_end_of_the_test_records_the_windows():
    properties = {}
    energy_meter = meter(properties=properties)
    with energy_meter.window("work") as window:
        pass
    energy_meter.finish()
    assert properties == {"llem.work.energy_j": window.energy_j, "llem.work.duration_s": window.duration_s}
