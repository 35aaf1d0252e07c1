"""A meter of constant power, for tests that need no sensor."""

from __future__ import annotations

from llenergymeasure.domain.energy import EnergyReading, MeterChoice
from llenergymeasure.exceptions import MeterError
from llenergymeasure.protocols import EnergyBackend, Metering
from llenergymeasure.testing.clock import Log


class FakeWindow:
    """A window of a `FakeMeter`."""

    def __init__(self, meter: FakeMeter) -> None:
        self._meter = meter

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        self._meter.log("meter.close")
        if self._meter.failing:
            raise MeterError("GPU is lost")
        joules = self._meter.power_w * (end_s - start_s)
        return EnergyReading(
            meter=self._meter.name, energy_j=joules, per_device_j={"GPU-0": joules}, method="counter",
            uncertainty_j=0.05 * joules, n_readings=round((end_s - start_s) / 0.1), crosscheck_j=joules,
        )  # fmt: skip

    def abandon(self) -> None:
        self._meter.log("meter.abandon")


class FakeMeter:
    """A meter of constant power: 100 W for 2 s is 200 J."""

    name = "fake"
    devices = ("GPU-0",)

    def __init__(self, power_w: float = 100.0, log: Log | None = None, failing: bool = False) -> None:
        self.power_w, self.log, self.failing = power_w, log or Log(), failing
        self.released = 0

    def open_window(self) -> FakeWindow:
        self.log("meter.open_window")
        return FakeWindow(self)

    def release(self) -> None:
        self.released += 1


def metering(meter: EnergyBackend) -> Metering:
    """The choice of the meter."""
    return Metering(meter, MeterChoice(name=meter.name, reason="handed in by a test"))
