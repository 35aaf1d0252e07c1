"""Update period and averaging window of the power sensors of GPUs.

A value is on average half an update period old when it is read, and it covers the sensor's averaging window before that.
`Sensor.delay_s` is the average age of the middle of this window; an integral over the work uses the readings that came
later by this delay.

Sources: nvml.h and "Part-time Power Measurements" (Yang et al., arXiv 2312.02741).
"""

from __future__ import annotations

from dataclasses import dataclass

AVERAGE_WINDOW_S = 1.0


@dataclass(frozen=True)
class Sensor:
    """Timing of a power sensor.

    Attributes:
        period_s: time between updates in s.
        window_s: time before an update over which it averages, in s.
    """

    period_s: float
    window_s: float

    @property
    def delay_s(self) -> float:
        """Average age in s of the middle of the averaging window when a value is read."""
        return (self.period_s + self.window_s) / 2

    @property
    def is_partial(self) -> bool:
        """Whether the sensor measures only a part of each period."""
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
