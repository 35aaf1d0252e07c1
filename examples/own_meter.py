"""Your own meter with the PyTorch backend. It reads joules from a file that another program updates.

Question: How do I measure with my own power meter?
Time: half a minute.
Needs: nothing; without a meter it shows a simulated one.

python examples/own_meter.py COUNTER_FILE           # without a file: a simulated counter of 20 W
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from llenergymeasure import ExperimentConfig, ExperimentResult
from llenergymeasure.domain.energy import EnergyReading, MeterChoice
from llenergymeasure.exceptions import ReadingFailed
from llenergymeasure.launch.open import open_experiment
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.protocols import Metering


class FileMeter:
    """Joules from a file with one number that never decreases.

    Args:
        path: the file.
        joules_per_count: 1e-6 for a file in microjoules, such as energy_uj of Linux's powercap.
        uncertainty_share: relative uncertainty (k = 2), from the data sheet of the sensor.
    """

    name = "file"

    def __init__(self, path: Path, joules_per_count: float = 1.0, uncertainty_share: float = 0.05) -> None:
        self.devices: tuple[str, ...] = (str(path),)
        self.uncertainty_share = uncertainty_share
        self._path, self._joules_per_count = path, joules_per_count

    def now_j(self) -> float:
        """The counter now, in joules."""
        try:
            return float(self._path.read_text()) * self._joules_per_count
        except (OSError, ValueError) as error:
            raise ReadingFailed(f"{self._path} gave no joules ({error}); name a file with one number") from error

    def open_window(self) -> FileWindow:
        return FileWindow(self, self.now_j())

    def release(self) -> None:
        """There is nothing to release."""


class FileWindow:
    """A window: its joules are the difference of the counter between start and end."""

    def __init__(self, meter: FileMeter, start_j: float) -> None:
        self._meter, self._start_j = meter, start_j

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        used_j = self._meter.now_j() - self._start_j
        return EnergyReading(
            meter=self._meter.name,
            energy_j=used_j,
            method="counter",
            uncertainty_j=self._meter.uncertainty_share * abs(used_j),
        )

    def abandon(self) -> None:
        """There is nothing to close."""


def measure(config: ExperimentConfig, path: Path) -> ExperimentResult:
    """Measure one window of the configured backend, with joules from the file."""
    meter = FileMeter(path)
    metering = Metering(meter, MeterChoice(name=meter.name, reason=f"joules are read from {path}"))
    with open_experiment(config, Session(), metering=metering) as experiment:
        return experiment.measure()


@contextmanager
def simulated_counter(power_w: float = 20.0) -> Iterator[Path]:
    """A file with increasing joules, to try the meter without a sensor."""
    stop, started_s = threading.Event(), time.monotonic()
    with TemporaryDirectory() as folder:
        path, fresh = Path(folder, "joules"), Path(folder, "fresh")

        def count() -> None:
            while True:
                fresh.write_text(f"{power_w * (time.monotonic() - started_s):.6f}")
                fresh.replace(path)  # a reader never gets an incomplete number
                if stop.wait(0.01):
                    return

        path.write_text("0")
        counter = threading.Thread(target=count)
        counter.start()
        try:
            yield path
        finally:
            stop.set()
            counter.join()


if __name__ == "__main__":
    quick = {"baseline": {"duration_seconds": 1}, "warmup": {"thermal_floor_seconds": 0}}
    config = ExperimentConfig(model="builtin/tiny-llama", n=4, max_output_tokens=16, **quick)
    if len(sys.argv) > 1:
        print(measure(config, Path(sys.argv[1])).summary())
    else:
        with simulated_counter() as path:
            print(measure(config, path).summary())
