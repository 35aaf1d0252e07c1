"""How the power sensors of GPUs behave.

A sensor's value is old when it is read: half of its update period on average, and it looks back over its window.
`Sensor.delay_s` says how old the middle of what it saw is, so that an integral over the work is taken over the readings
that came that much later.

Sources: nvml.h and "Part-time Power Measurements" (Yang et al., arXiv 2312.02741).
"""

from __future__ import annotations

from dataclasses import dataclass

AVERAGE_WINDOW_S = 1.0


@dataclass(frozen=True)
class Sensor:
    """How a power sensor behaves.

    Attributes:
        period_s: time between updates.
        window_s: how far back each update looks.
    """

    period_s: float
    window_s: float

    @property
    def delay_s(self) -> float:
        """Age of the middle of what a reading shows, on average."""
        return (self.period_s + self.window_s) / 2

    @property
    def is_partial(self) -> bool:
        """Whether the sensor sleeps between its looks."""
        return self.window_s < self.period_s


INSTANT_SENSORS = {
    "hopper": Sensor(0.100, 0.025),
    "a100": Sensor(0.100, 0.025),
    "ampere": Sensor(0.100, 0.100),
    "ada": Sensor(0.100, 0.100),
    "turing": Sensor(0.100, 0.100),
    "volta": Sensor(0.020, 0.010),
    "pascal": Sensor(0.020, 0.010),
}
UNKNOWN_SENSOR = Sensor(0.100, 0.100)
AVERAGE_PERIOD_S = 0.100


def instant_sensor(architecture: str, name: str) -> Sensor:
    """The instant power sensor of a GPU."""
    return INSTANT_SENSORS.get("a100" if "A100" in name else architecture, UNKNOWN_SENSOR)
