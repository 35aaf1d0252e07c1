"""The CodeCarbon meter: estimates labelled, constants apart, silence noticed."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from llenergymeasure.core.energy.codecarbon import CodeCarbonMeter, reading_of
from llenergymeasure.exceptions import MeterError

KWH = 3.6e6


def data(gpu_j=0.0, cpu_j=0.0, ram_j=0.0, duration=10.0):
    return SimpleNamespace(
        gpu_energy=gpu_j / KWH, cpu_energy=cpu_j / KWH, ram_energy=ram_j / KWH, duration=duration,
    )  # fmt: skip


class FakeTracker:
    """A tracker with a result made up beforehand."""

    def __init__(self, result=None, mode="cpu_load", log=(), fail_at=None):
        self._result, self._log, self._fail_at = result, log, fail_at
        self._hardware = [SimpleNamespace(_mode=mode)]
        self.stops = 0
        self.final_emissions_data = None

    def start(self):
        print("a library that talks")
        for text in self._log:
            logging.getLogger("codecarbon").error(text)
        if self._fail_at == "start":
            raise RuntimeError("no power")

    def stop(self):
        self.stops += 1
        if self._fail_at == "stop":
            raise RuntimeError("no end")
        self.final_emissions_data = self._result


def measure(tracker, seconds=10.0):
    window = CodeCarbonMeter(lambda: tracker).open_window()
    reading = window.close(0.0, seconds)
    window.abandon()
    return reading


def test_a_modelled_cpu_is_an_estimate_and_the_constant_of_the_ram_stays_out():
    """Unguarded, the sum would be 218 J, of which 200 J are a constant."""
    reading = measure(FakeTracker(data(cpu_j=18.0, ram_j=200.0)))
    assert reading.energy_j == pytest.approx(18.0)
    assert reading.method == "estimated"
    assert reading.uncertainty_j is None
    assert {(domain.name, domain.provenance, domain.included) for domain in reading.domains} == {
        ("cpu", "modelled", True),
        ("ram", "modelled", False),
    }


def test_a_modelled_cpu_is_never_added_to_a_measured_gpu():
    reading = measure(FakeTracker(data(gpu_j=3000.0, cpu_j=400.0, ram_j=200.0)))
    assert reading.energy_j == pytest.approx(3000.0)
    assert reading.method == "sampled"
    assert [domain.name for domain in reading.domains if domain.included] == ["gpu"]


def test_a_cpu_read_from_counters_is_a_measurement_and_adds_to_the_gpu():
    reading = measure(FakeTracker(data(gpu_j=3000.0, cpu_j=400.0), mode="intel_rapl"))
    assert reading.energy_j == pytest.approx(3400.0)
    assert reading.method == "sampled"


def test_only_the_work_s_share_of_the_tracker_s_time_counts():
    assert measure(FakeTracker(data(cpu_j=20.0, duration=10.0)), seconds=5.0).energy_j == pytest.approx(10.0)


def test_zero_joules_are_not_a_measurement():
    """Unguarded, it would report 0 J without a word."""
    reading = measure(FakeTracker(data()))
    assert reading.energy_j is None
    assert "neither GPU nor CPU" in reading.reason


def test_no_data_is_told():
    assert "gave no data" in measure(FakeTracker(None)).reason


def test_what_the_library_only_logs_becomes_a_problem():
    assert measure(FakeTracker(data(cpu_j=1.0), log=["cannot read\nthe meter"])).problems == (
        "codecarbon: cannot read the meter",
    )


def test_the_library_does_not_talk_to_the_user(capsys):
    measure(FakeTracker(data(cpu_j=1.0)))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("moment", ["start", "stop"])
def test_a_failure_is_a_meter_error_with_its_words(moment):
    with pytest.raises(MeterError, match=r"codecarbon .*no (power|end)"):
        measure(FakeTracker(data(), fail_at=moment))


def test_an_abandoned_window_stops_its_tracker_once():
    tracker = FakeTracker(data(cpu_j=1.0))
    window = CodeCarbonMeter(lambda: tracker).open_window()
    window.abandon()
    window.abandon()
    assert tracker.stops == 1


def test_parts_that_are_zero_are_not_listed():
    assert [domain.name for domain in reading_of(data(cpu_j=1.0), 1.0, cpu_measured=False).domains] == ["cpu"]
