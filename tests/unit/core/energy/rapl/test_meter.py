"""The RAPL meter on a powercap tree whose energy is known exactly."""

from __future__ import annotations

import threading
import time
from random import Random

import pytest

from llenergymeasure.core.devices import MeterContext
from llenergymeasure.core.energy.rapl import meter as rapl
from llenergymeasure.core.energy.rapl.meter import RaplMeter
from llenergymeasure.core.energy.rapl.zones import working_zones
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.exceptions import SensorAbsent
from powercapsim import (
    FINE_RANGE_UJ,
    Draw,
    RaplBench,
    SimClock,
    SimPowercap,
    SimZone,
    package,
    part,
    stated_j,
)
from waiting import tried


@pytest.fixture
def bench(tmp_path):
    def make(*zones, random=None):
        return RaplBench(tmp_path / "powercap", *zones, random=random)

    return make


def test_a_load_of_80_w_for_2_s_is_160_j(bench):
    reading, truth_j = bench().window(2.0)
    assert truth_j == pytest.approx(160.0, rel=1e-4)
    assert reading.energy_j == pytest.approx(truth_j, rel=1e-4)
    assert (reading.meter, reading.method) == ("rapl", "counter")
    assert abs(reading.energy_j - truth_j) <= stated_j(reading)


@pytest.mark.parametrize(("seconds", "limit"), [(0.01, 0.01), (0.1, 0.002), (1.0, 0.0005), (10.0, 0.0001)])
def test_the_error_keeps_its_limit_and_the_stated_uncertainty_covers_it(tmp_path, seconds, limit):
    covered = 0
    for number in range(20):
        random = Random(f"{seconds}, {number}")
        zones = [package(phase_s=0.001 * random.random()), part("dram", phase_s=0.001 * random.random())]
        bench = RaplBench(tmp_path / str(number), *zones, random=random)
        bench.clock.sleep(random.random())
        reading, truth_j = bench.window(seconds)
        assert reading.energy_j == pytest.approx(truth_j, rel=limit)
        covered += abs(reading.energy_j - truth_j) <= stated_j(reading)
    assert covered >= 19


@pytest.mark.parametrize("for_s", [0.05, 0.3, 0.6, 2.0])
@pytest.mark.parametrize("pause", [1, 5, 40])
@pytest.mark.parametrize("edge", ["open", "close"])
def test_a_process_that_is_stopped_while_it_waits_for_ticks_measures_the_same(bench, edge, pause, for_s):
    made = bench(random=Random(f"{edge}, {pause}, {for_s}"))
    edges = iter([None, (pause, for_s)])
    if edge == "open":
        made.clock.stop = pause, for_s
    else:
        made.at_the_edges = lambda: setattr(made.clock, "stop", next(edges) or (0, 0.0))
    reading, truth_j = made.window(3.0)
    assert reading.method == "counter"
    assert reading.energy_j == pytest.approx(truth_j, rel=0.01)
    assert abs(reading.energy_j - truth_j) <= stated_j(reading)


def test_the_uncertainty_has_its_parts(bench):
    reading, _ = bench().window(1.0)
    assert set(reading.uncertainty_parts_j) == {"gain", "edges", "resolution", "reading"}
    assert reading.uncertainty_parts_j["gain"] == pytest.approx(0.05 * reading.energy_j)
    # Two values, each rounded to 61 uJ: 2 x 61 / sqrt(6).
    assert reading.uncertainty_parts_j["resolution"] == pytest.approx(49.8e-6, rel=0.01)
    # One call of 5 us at 20 W on both sides: 2 x 5 us x 28 W / sqrt(12).
    assert reading.uncertainty_parts_j["reading"] == pytest.approx(82e-6, rel=0.05)


@pytest.mark.parametrize(("tick_s", "updates"), [(0.001, 1000), (0.004, 250), (0.02, 50)])
def test_the_updates_are_those_that_the_counter_made(bench, tick_s, updates):
    """They are more than the meter sees in the window, where it reads ten times per second."""
    reading, _ = bench(package(tick_s=tick_s)).window(1.0)
    assert reading.update_period_s == pytest.approx(tick_s, rel=0.1)
    assert reading.n_readings == pytest.approx(updates, rel=0.1)


def test_of_a_counter_that_is_slower_in_the_window_the_rises_that_were_seen_are_counted(bench):
    made = bench(package(0), package(1))
    ticks_s = iter([0.25, 0.001])
    made.at_the_edges = lambda: setattr(made.tree.zones[1], "tick_s", next(ticks_s))
    reading, truth_j = made.window(3.0)
    assert reading.energy_j == pytest.approx(truth_j, rel=1e-3)
    assert 11 <= reading.n_readings <= 13


def test_two_sockets_with_memory_are_summed(bench):
    zones = [package(0), part("dram", of=0), package(1, watts=100.0, phase_s=0.0004), part("dram", of=1)]
    reading, truth_j = bench(*zones).window(1.0)
    assert reading.per_device_j == pytest.approx(
        {"package-0": 80.0, "package-0/dram": 35.0, "package-1": 120.0, "package-1/dram": 35.0}, rel=1e-3
    )
    assert reading.energy_j == pytest.approx(truth_j, rel=1e-4)


def test_cores_and_platform_are_shown_and_not_added(bench):
    zones = [package(), part("core"), SimZone("intel-rapl:1", "psys", Draw())]
    reading, truth_j = bench(*zones).window(1.0)
    assert reading.energy_j == pytest.approx(truth_j, rel=1e-4)
    shown = {domain.name: (domain.included, domain.note) for domain in reading.domains}
    assert shown == {
        "package-0": (True, None),
        "package-0/core": (False, "a part of the package"),
        "psys": (False, "the platform, which contains the packages"),
    }
    beside = {domain.name: domain.energy_j for domain in reading.domains if not domain.included}
    assert beside == pytest.approx({"package-0/core": 35.0, "psys": 80.0}, rel=0.005)


def test_a_counter_that_wraps_twice_in_a_window_loses_nothing(bench):
    """Ranges of 65.7 kJ at 3 kW: the counter begins at 0 again after 22 s."""
    zone = package(watts=2980.0, range_uj=FINE_RANGE_UJ, start_uj=FINE_RANGE_UJ - 1_000_000)
    reading, truth_j = bench(zone).window(40.0)
    assert truth_j > 1.5 * FINE_RANGE_UJ / 1e6
    assert reading.energy_j == pytest.approx(truth_j, rel=1e-4)


def test_a_counter_that_stops_in_the_window_gives_no_joules(bench):
    reading, _ = bench(package(stops_at_s=101.0)).window(3.0)
    assert reading.energy_j is None
    assert "the energy counter of package-0 did not advance for" in reading.reason
    assert "until then it used 7" in reading.reason


def still_for(made, seconds):
    """The first counter stands still for so long, and then shows all joules at once."""
    made.clock.every(1.0 + seconds, lambda: setattr(made.tree.zones[0], "stops_at_s", float("inf")))
    return made.window(3.0)[0]


def test_a_counter_that_stands_still_in_the_middle_of_the_window_gives_no_joules(bench):
    """Its last value is above the first one, so that the plain difference looks right."""
    reading = still_for(bench(package(stops_at_s=101.0)), 0.9)
    assert reading.energy_j is None
    assert "did not advance for 0.8" in reading.reason


def test_a_counter_that_jumps_by_more_than_can_be_drawn_gives_no_joules(bench):
    """It stands still for less than a counter may; 1600 J in a tenth of a second are more than 5 kW."""
    reading = still_for(bench(package(watts=4000.0, stops_at_s=101.0)), 0.4)
    assert reading.energy_j is None
    assert "rose by 1" in reading.reason


def test_a_counter_that_goes_backwards_gives_no_joules(bench):
    reading, _ = bench(package(start_uj=500_000_000, resets_at_s=101.0)).window(3.0)
    assert reading.energy_j is None
    assert "went backwards from 5" in reading.reason


def test_a_counter_that_vanishes_gives_no_joules_and_those_of_the_others_are_kept_apart(bench):
    reading, _ = bench(package(0), package(1, vanishes_at_s=101.0)).window(3.0)
    assert reading.energy_j is None
    assert reading.per_device_j is None
    assert "the energy counter of package-1 can no longer be read" in reading.reason
    assert reading.problems == ("package-0 used 240 J",)


def test_a_platform_that_stops_does_not_void_the_packages(bench):
    reading, truth_j = bench(package(), SimZone("intel-rapl:1", "psys", Draw(), stops_at_s=101.0)).window(3.0)
    assert reading.energy_j == pytest.approx(truth_j, rel=1e-4)
    assert [domain.name for domain in reading.domains] == ["package-0"]


def test_a_platform_that_shows_no_rise_in_a_short_window_is_still_shown(bench):
    made = bench(package(), SimZone("intel-rapl:1", "psys", Draw()))
    made.tree.zones[1].stops_at_s = made.clock.seconds
    reading, _ = made.window(0.2)
    assert [(domain.name, domain.energy_j) for domain in reading.domains if not domain.included] == [("psys", 0.0)]


def test_a_counter_that_failed_in_an_earlier_window_is_usable_again(bench):
    made = bench(package(start_uj=500_000_000, resets_at_s=101.0))
    assert made.window(3.0)[0].energy_j is None
    reading, truth_j = made.window(1.0)
    assert reading.energy_j == pytest.approx(truth_j, rel=1e-3)


def test_the_idle_power_is_the_power_without_load(bench):
    made = bench()
    window = made.meter.open_window()
    start_s = made.clock.now()
    made.clock.sleep(5.0)
    end_s = made.clock.now()
    assert window.close(start_s, end_s).energy_j / (end_s - start_s) == pytest.approx(20.0, rel=1e-3)


def test_a_window_can_be_closed_once(bench):
    window = bench().meter.open_window()
    window.close(100.5, 100.6)
    assert window.close(100.5, 100.6).reason == "the window was already closed"


def a_context(root, clock):
    return MeterContext(clock, no_gpu_reason="the experiment uses no GPU", powercap=root)


def test_it_is_available_where_the_counters_advance(tmp_path):
    clock = SimClock()
    tree = SimPowercap(tmp_path / "powercap", [package(), part("dram")], clock.seconds)
    clock.moved = tree.update
    context = a_context(tree.root, clock)
    assert rapl.probe(context) is None
    made = rapl.create(context)
    assert (made.name, made.devices) == ("rapl", ("package-0", "package-0/dram"))


def test_without_powercap_there_is_a_reason_and_no_command(tmp_path):
    context = a_context(tmp_path / "powercap", SimClock())
    assert rapl.probe(context).startswith("there is no ")
    assert rapl.fix(context) is None


@pytest.mark.slow
def test_a_tree_that_a_thread_writes_in_real_time_is_measured(tmp_path_factory):
    tried(
        lambda: joules_and_seconds(tmp_path_factory.mktemp("sys") / "powercap"),
        lambda found: found[0] == pytest.approx(25.0 * found[1], rel=0.01),
        lambda late_s: max(late_s) > 0.05,
    )


def joules_and_seconds(root):
    clock, ended = SystemClock(), threading.Event()
    tree = SimPowercap(root, [package(), part("dram", phase_s=0.0003)], clock.now())

    def write():
        while not ended.is_set():
            tree.update(clock.now())
            time.sleep(0.0002)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = RaplMeter(working_zones(tree.root, clock), clock)
        window = made.open_window()
        start_s = clock.now()
        time.sleep(3.0)
        end_s = clock.now()
        reading = window.close(start_s, end_s)
        made.release()
    except SensorAbsent as error:  # also where the counters stand still for a moment
        return error, 0.0
    finally:
        ended.set()
        writer.join()
    assert "llem-rapl" not in {thread.name for thread in threading.enumerate()}
    return (reading.reason if reading.energy_j is None else reading.energy_j), end_s - start_s
