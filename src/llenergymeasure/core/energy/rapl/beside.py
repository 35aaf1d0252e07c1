"""Measures the CPUs of the host in the windows of a GPU meter. Their energy is never a part of the meter's total.

```
 GPU meter on . host on . t0 == work == t1 . host off . GPU meter off
```

The host is inside, because its counters need a few milliseconds and those of a GPU some hundred.
"""

from __future__ import annotations

from llenergymeasure.core.devices import MeterContext
from llenergymeasure.core.energy.check_reading import check_reading
from llenergymeasure.core.energy.null import NoMeter, UnmeasuredWindow
from llenergymeasure.core.energy.rapl.meter import create
from llenergymeasure.domain.energy import EnergyReading, HostEnergy
from llenergymeasure.exceptions import MeterError
from llenergymeasure.protocols import EnergyBackend, OpenWindow


class WithHost:
    """A GPU meter whose readings also have the energy of the host's CPUs.

    Args:
        meter: measures the GPUs; its name, devices and joules are not changed.
        host: measures the CPUs.
    """

    def __init__(self, meter: EnergyBackend, host: EnergyBackend) -> None:
        self._meter, self._host = meter, host
        self.name, self.devices = meter.name, meter.devices

    def open_window(self) -> WindowWithHost:
        window = self._meter.open_window()
        try:
            return WindowWithHost(window, self._open_host(), self._host.name)
        except BaseException:
            window.abandon()
            raise

    def _open_host(self) -> OpenWindow:
        """The window of the host; a failure does not affect the GPUs."""
        try:
            return self._host.open_window()
        except MeterError as error:
            return UnmeasuredWindow(self._host.name, f"the meter failed: {error}")

    def release(self) -> None:
        try:
            self._host.release()
        finally:
            self._meter.release()


class WindowWithHost:
    """A window of both meters."""

    def __init__(self, window: OpenWindow, host: OpenWindow, host_name: str) -> None:
        self._window, self._host, self._host_name = window, host, host_name

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        host = self._close_host(start_s, end_s)
        reading = self._window.close(start_s, end_s)
        problems = tuple(f"energy of the host: {problem}" for problem in host.problems)
        return reading.model_copy(
            update={
                "host": HostEnergy(**{name: getattr(host, name) for name in HostEnergy.model_fields}),
                "problems": (*reading.problems, *problems),
            }
        )

    def abandon(self) -> None:
        self._host.abandon()
        self._window.abandon()

    def _close_host(self, start_s: float, end_s: float) -> EnergyReading:
        """The reading of the host; a failure does not affect the GPUs."""
        try:
            return check_reading(self._host.close(start_s, end_s), self._host_name)
        except MeterError as error:
            return EnergyReading(meter=self._host_name, reason=f"the meter failed: {error}", problems=(str(error),))


def with_host(meter: EnergyBackend, context: MeterContext) -> WithHost:
    """The GPU meter with the energy of the host beside it, or with the reason why it is not measured."""
    try:
        return WithHost(meter, create(context))
    except MeterError as error:
        return WithHost(meter, NoMeter(f"rapl: {error}"))
