"""The contract of every meter, as a class of tests."""

from __future__ import annotations

import math
import threading

from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.protocols import Clock, EnergyBackend
from llenergymeasure.testing.residue import children, left_threads

MeterBench = tuple[EnergyBackend, Clock]

_METHODS = ("counter", "sampled", "estimated", "replayed")
# Power of a machine in steady state varies by less than this between two windows of about a second.
_STEADY = 0.3


class MeterContract:
    """Tests of a meter. Derive a class from it, beside a fixture `bench` that gives a meter and its clock.

    ```python
    @pytest.fixture
    def bench():
        meter = MyMeter()
        yield meter, SystemClock()
        meter.release()

    class TestMyMeter(MeterContract):
        pass
    ```
    """

    def test_it_is_a_meter_with_a_name(self, bench: MeterBench) -> None:
        """It has every member of `EnergyBackend`, a name, and texts as identities of its devices."""
        meter, _ = bench
        assert isinstance(meter, EnergyBackend), f"{type(meter).__name__} lacks members of EnergyBackend"
        assert meter.name, "name is empty"
        assert all(isinstance(device, str) for device in meter.devices), f"devices are no texts: {meter.devices}"

    def test_a_reading_has_joules_and_a_method_or_a_reason(self, bench: MeterBench) -> None:
        """Not measured is None with a reason, and never 0."""
        reading = reading_of(bench)
        if reading.energy_j is None:
            assert reading.reason, "a reading without joules has no reason"
            assert reading.per_device_j is None, "a reading without joules has joules of devices"
        else:
            assert 0 < reading.energy_j < math.inf, f"{reading.energy_j} J is no energy"
            joules = (reading.per_device_j or {}).values()
            assert all(0 <= each < math.inf for each in joules), f"joules of devices: {reading.per_device_j}"
            assert reading.method in _METHODS, f"the method is {reading.method}, and not one of {', '.join(_METHODS)}"

    def test_devices_sum_to_the_total(self, bench: MeterBench) -> None:
        """The energies of the devices are the energy."""
        reading = reading_of(bench)
        if reading.per_device_j is not None and reading.energy_j is not None:
            found_j = math.fsum(reading.per_device_j.values())
            assert math.isclose(found_j, reading.energy_j, rel_tol=1e-6), f"{found_j} J are not {reading.energy_j} J"

    def test_a_measurement_has_an_uncertainty_and_an_estimate_has_none(self, bench: MeterBench) -> None:
        """Joules of a counter or of samples have an error; a model does not know its own."""
        reading = reading_of(bench)
        if reading.method in ("counter", "sampled"):
            assert reading.uncertainty_j is not None, "a measurement without uncertainty_j"
            assert 0 < reading.uncertainty_j < math.inf, f"uncertainty_j is {reading.uncertainty_j}"
        if reading.method in ("estimated", "replayed"):
            assert reading.uncertainty_j is None, f"{reading.method} joules with an uncertainty_j"

    def test_windows_follow_and_nest(self, bench: MeterBench) -> None:
        """A window inside another one has its own energy and does not end the outer one."""
        meter, clock = bench
        outer = meter.open_window()
        start_s = clock.now()
        inner = reading_of(bench)
        clock.sleep(0.2)
        reading = outer.close(start_s, clock.now())
        assert (reading.energy_j is None) == (inner.energy_j is None), "only one of two nested windows has joules"
        if reading.method == "counter" and reading.energy_j is not None and inner.energy_j is not None:
            assert reading.energy_j > inner.energy_j, "a window has no more joules than one inside it"

    def test_power_does_not_depend_on_the_length_of_the_window(self, bench: MeterBench) -> None:
        """A second that is lost or counted twice shows in windows of about a second."""
        (whole, whole_s), (longer, longer_s) = timed_reading_of(bench, 1.0), timed_reading_of(bench, 1.4)
        whole_j, longer_j = _steadiest_j(whole), _steadiest_j(longer)
        assert (whole_j is None) == (longer_j is None), "only one of two windows has joules"
        if whole_j is not None and longer_j is not None:
            assert math.isclose(longer_j / longer_s, whole_j / whole_s, rel_tol=_STEADY), (
                f"{whole_j} J in {whole_s:.2f} s and {longer_j} J in {longer_s:.2f} s"
            )

    def test_release_leaves_no_thread_and_no_process_even_of_an_open_window(self, bench: MeterBench) -> None:
        """A window that was never closed is released too."""
        meter, _ = bench
        threads, processes = set(threading.enumerate()), children()
        meter.open_window()
        meter.open_window().abandon()
        meter.release()
        assert left_threads(threads) == set(), "release left a thread"
        assert children() <= processes, "release left a process"

    def test_release_is_safe_twice(self, bench: MeterBench) -> None:
        """A second release does nothing."""
        meter, _ = bench
        meter.release()
        meter.release()


def reading_of(bench: MeterBench, seconds: float = 0.2) -> EnergyReading:
    """The reading of a window of so many seconds."""
    return timed_reading_of(bench, seconds)[0]


def timed_reading_of(bench: MeterBench, seconds: float) -> tuple[EnergyReading, float]:
    """The reading of a window, and its length in s: a sleep on a busy machine takes longer than asked."""
    meter, clock = bench
    window = meter.open_window()
    start_s = clock.now()
    clock.sleep(seconds)
    end_s = clock.now()
    reading = window.close(start_s, end_s)
    window.abandon()
    return reading, end_s - start_s


def _steadiest_j(reading: EnergyReading) -> float | None:
    """The energy of the RAM where it is a constant of an estimate: a real CPU is not steady."""
    return next((domain.energy_j for domain in reading.domains if domain.name == "ram"), reading.energy_j)
