"""A measurement of the built-in model on the CPU with a meter over simulated GPUs, as the plugin makes one.

Says each step on stdout, waits for nothing, and ends as `llem` does. At the beginning of the window scenario time is set
to 100 s, so that troubles may be scripted for its middle.

    python measure_simulated.py METER PLACE NUMBER_OF_PROMPTS
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from llenergymeasure import ExperimentConfig, _plugin_api
from llenergymeasure.cli.outcome import exit_code_of
from llenergymeasure.progress import Silent
from llenergymeasure.protocols import EnergyBackend, OpenWindow
from nvmlsim.simulation import ORIGIN

WINDOW_S = 100.0


class Steps(Silent):
    """Says each step, and knows the last."""

    last = ""

    def step(self, text: str, seconds: float | None = None) -> None:
        self.last = text
        print(text, flush=True)


class AtItsTime:
    """A meter that begins the measured window at a time of the scenario, however busy the machine was until then."""

    def __init__(self, meter: EnergyBackend, steps: Steps) -> None:
        self._meter, self._steps = meter, steps
        self.name, self.devices, self.release = meter.name, meter.devices, meter.release

    def open_window(self) -> OpenWindow:
        if self._steps.last.startswith("measuring"):
            set_scenario_time(WINDOW_S)
        return self._meter.open_window()


def set_scenario_time(time_s: float) -> None:
    """In real time: from now on the scenario is at another time."""
    with Path(os.environ["NVMLSIM_CLOCK"]).open("r+b") as file, mmap.mmap(file.fileno(), 0) as words:
        memoryview(words).cast("d")[ORIGIN] = time.perf_counter() - time_s


def measure(meter: str, place: Path, n: int) -> int:
    """One experiment with its result in a file."""
    config = ExperimentConfig(
        model="builtin/tiny-llama", n=n, max_output_tokens=40, min_output_tokens=40, max_input_tokens=32,
        baseline={"duration_seconds": 1}, warmup={"n_warmup": 1, "thermal_floor_seconds": 0},
    )  # fmt: skip
    session = _plugin_api.Session(progress=(steps := Steps()))
    with _plugin_api.open_meter(meter, session) as metering:
        print(f"meter {metering.choice.name}", flush=True)
        timed = replace(metering, meter=AtItsTime(metering.meter, steps))
        with _plugin_api.open_experiment(config, session=session, metering=timed) as experiment:
            result = experiment.measure()
    result.to_json(place)
    print("threads", *(thread.name for thread in threading.enumerate() if thread.name.startswith("llem")), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(exit_code_of(lambda: measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])), tracebacks=True))
