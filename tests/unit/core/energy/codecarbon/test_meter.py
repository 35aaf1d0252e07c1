"""The CodeCarbon meter: its windows, its output, and the options that no file may change."""

from __future__ import annotations

import inspect
import logging
import os
import subprocess
import sys

import pytest

from fakes_energy import FakeTracker, TimerClock
from llenergymeasure.core.devices import MeterContext
from llenergymeasure.core.energy.codecarbon.meter import SETTINGS, CodeCarbonMeter, create
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.exceptions import MeterError

# Names, places and ways of output that are switched off, and what `create` gives.
NEEDLESS = {
    "api_endpoint", "api_key", "experiment_id", "experiment_name", "metadata", "on_csv_write", "output_file",
    "project_name", "prometheus_url", "gpu_ids", "output_handlers",
}  # fmt: skip
DEPRECATED = {
    "co2_signal_api_token", "save_to_api", "save_to_file", "save_to_logfire", "save_to_logger", "save_to_prometheus",
}  # fmt: skip


class Measuring:
    """A meter on fake trackers, and the trackers."""

    def __init__(self, gpus=(), **tracker):
        self.clock = TimerClock()
        self.trackers: list[FakeTracker] = []
        self.meter = CodeCarbonMeter(lambda energy_log: self._make(energy_log, tracker), self.clock, gpus)

    def _make(self, energy_log, options):
        self.trackers.append(FakeTracker(energy_log, self.clock, **options))
        return self.trackers[-1]

    def measure(self, seconds):
        window = self.meter.open_window()
        start_s = self.clock.now()
        self.clock.sleep(seconds)
        reading = window.close(start_s, self.clock.now())
        window.abandon()
        return reading


def test_a_steady_8_w_for_10_s_are_80_j():
    reading = Measuring(watts={"cpu": 8.0, "ram": 20.0}).measure(10.0)
    assert reading.energy_j == pytest.approx(80.0)
    assert reading.method == "estimated"


def test_measurements_are_counted():
    reading = Measuring(watts={"cpu": 8.0}).measure(3.5)  # at the start, after 1, 2 and 3 s, and at the end
    assert (reading.n_readings, reading.update_period_s) == (5, pytest.approx(1.0))


def test_the_time_between_opening_and_the_work_does_not_count():
    bench = Measuring(watts={"cpu": 8.0})
    window = bench.meter.open_window()
    bench.clock.sleep(3.0)
    start_s = bench.clock.now()
    bench.clock.sleep(2.5)
    end_s = bench.clock.now()
    bench.clock.sleep(0.3)
    assert window.close(start_s, end_s).energy_j == pytest.approx(20.0)


def test_stopping_waits_for_a_measurement_that_is_due():
    """CodeCarbon counts a second twice when it is stopped while it measures, as at the end of a window of whole seconds."""
    bench = Measuring(watts={"cpu": 8.0})
    window = bench.meter.open_window()
    start_s = bench.clock.now()
    bench.clock.sleep(4.97)
    window.close(start_s, bench.clock.now())
    assert bench.clock.now() == pytest.approx(start_s + 5.0, abs=0.002)


def test_stopping_does_not_wait_for_a_library_that_measures_no_more():
    bench = Measuring(watts={"cpu": 8.0})
    window = bench.meter.open_window()
    start_s = bench.clock.now()
    bench.clock.cancel(bench.trackers[0].measure)
    bench.clock.sleep(5.0)
    assert window.close(start_s, bench.clock.now()).energy_j == pytest.approx(40.0)
    assert bench.clock.now() < start_s + 6.1


def test_windows_may_be_nested():
    bench = Measuring(watts={"cpu": 8.0})
    outer = bench.meter.open_window()
    start_s = bench.clock.now()
    bench.clock.sleep(1.5)
    inner = bench.measure(2.5)
    assert inner.energy_j == pytest.approx(20.0)
    assert outer.close(start_s, bench.clock.now()).energy_j == pytest.approx(32.0)


def test_a_gpu_counter_that_freezes_voids_the_window():
    reading = Measuring(gpus=("GPU-0",), watts={"gpu": 300.0}, still_from_s=3.0).measure(10.5)
    assert reading.energy_j is None
    assert "did not advance" in reading.reason


def test_a_cpu_read_from_counters_is_recognised():
    assert Measuring(watts={"cpu": 8.0}, mode="intel_rapl").measure(1.5).method == "sampled"
    assert Measuring(watts={"cpu": 8.0}, mode="something new").measure(1.5).method == "estimated"


def test_an_abandoned_window_stops_its_tracker_once():
    bench = Measuring(watts={"cpu": 8.0})
    window = bench.meter.open_window()
    window.abandon()
    window.abandon()
    assert bench.trackers[0].stops == 1


def test_releasing_ends_what_was_left_open():
    bench = Measuring(watts={"cpu": 8.0})
    bench.meter.open_window()
    bench.measure(1.0)
    bench.meter.open_window()
    bench.meter.release()
    bench.meter.release()
    assert [tracker.stops for tracker in bench.trackers] == [1, 1, 1]
    assert bench.clock.timers == 0


def test_what_the_library_only_logs_becomes_a_problem():
    said = ["cannot read\nthe meter", "Multiple instances of codecarbon are allowed to run at the same time."]
    assert Measuring(watts={"cpu": 8.0}, says=said).measure(1.5).problems == ("codecarbon: cannot read the meter",)


def test_a_failure_that_the_library_suppresses_is_a_meter_error():
    with pytest.raises(MeterError, match="did not start: no hardware"):
        Measuring(starts=False, says=["no hardware"]).meter.open_window()


def test_a_failure_is_a_meter_error_with_its_message():
    with pytest.raises(MeterError, match=r"codecarbon cannot start: RuntimeError: no power"):
        Measuring(fails=RuntimeError("no power")).meter.open_window()


def test_the_library_does_not_talk_to_the_user(capfd):
    Measuring(watts={"cpu": 8.0}, says=["a warning"]).measure(1.5)
    assert capfd.readouterr() == ("", "")


def test_its_logger_is_given_back():
    before = list(logging.getLogger("codecarbon").handlers)
    Measuring(watts={"cpu": 8.0}).measure(1.5)
    with pytest.raises(MeterError, match="codecarbon"):
        Measuring(starts=False).meter.open_window()
    assert logging.getLogger("codecarbon").handlers == before


def test_every_option_of_the_library_is_given_or_changes_nothing():
    """An option that is left out is read from files and variables; a new one has to be looked at."""
    tracker = pytest.importorskip("codecarbon").OfflineEmissionsTracker
    options = {
        name
        for cls in tracker.__mro__[:2]
        for name, parameter in inspect.signature(cls.__init__).parameters.items()
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    }
    assert options - {"self"} - set(SETTINGS) == NEEDLESS | DEPRECATED


def test_a_config_file_and_a_variable_do_not_change_the_joules(tmp_path, monkeypatch):
    """Real CodeCarbon: unguarded, pue multiplies the energy and force_ram_power sets it."""
    pytest.importorskip("codecarbon")
    clock = SystemClock()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".codecarbon.config").write_text(
        "[codecarbon]\npue = 1000\nforce_ram_power = 5000\noutput_methods = csv\nmeasure_power_secs = 99\n"
    )
    monkeypatch.setenv("CODECARBON_TRACKING_MODE", "process")
    window = create(MeterContext(clock)).open_window()
    start_s = clock.now()
    clock.sleep(0.2)
    reading = window.close(start_s, clock.now())
    ram_j = next(domain.energy_j for domain in reading.domains if domain.name == "ram")
    assert ram_j < 0.2 * 1000
    assert [path.name for path in tmp_path.iterdir()] == [".codecarbon.config"]


def test_a_clean_process_prints_nothing_and_opens_no_connection(tmp_path):
    """Real CodeCarbon: importing it logs to the terminal, and prints where the bindings of AMD GPUs find no driver."""
    pytest.importorskip("codecarbon")
    program = """
import socket
def refuse(*arguments):
    raise SystemExit(f"connects to {arguments[1:]}")
socket.socket.connect = refuse
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.energy.codecarbon.meter import create
from llenergymeasure.core.devices import MeterContext
create(MeterContext(SystemClock())).open_window().abandon()
"""
    environ = {**os.environ, "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    ran = subprocess.run(
        [sys.executable, "-c", program], env=environ, check=False, capture_output=True, text=True, timeout=120
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
