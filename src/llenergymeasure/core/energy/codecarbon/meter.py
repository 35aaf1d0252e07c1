"""The CodeCarbon meter, and the only module that imports codecarbon.

Each window has a separate tracker, so windows may be nested. On a machine without readable counters CodeCarbon's CPU
figure is a model of the whole machine's load, and its RAM figure a constant of the installed memory; both are estimates.
The total is the energy of the GPUs when the experiment uses GPUs, else that of the CPU. A modelled part is never added to
a measured one.

CodeCarbon 3.3 suppresses its exceptions, reads options from files and variables, and counts a second twice when it is
stopped while a measurement runs. So its log messages are recorded, every option that changes a number is set, and the end
of a window waits for a running measurement.
"""

from __future__ import annotations

import contextlib
import io
import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from llenergymeasure.core.devices import MeterContext
from llenergymeasure.core.energy.codecarbon.log import PARTS, EnergyLog
from llenergymeasure.core.energy.codecarbon.reading import reading_of
from llenergymeasure.core.energy.crosscheck import CrossCheck
from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.exceptions import MeterError
from llenergymeasure.protocols import Clock

TrackerFactory = Callable[[EnergyLog], Any]

MEASURE_EVERY_S = 1.0
# After this time the next measurement may begin at any moment: a timer is never early, and a measurement takes up to 50 ms.
DUE_S = 0.95 * MEASURE_EVERY_S
# Long enough for stop() to measure: it does not when the last measurement is younger than 0.05 s.
MOMENT_S = 0.1

# Every option that changes a number, or writes or sends data. CodeCarbon takes an omitted option from
# ~/.codecarbon.config, ./.codecarbon.config or CODECARBON_* (a `pue` there multiplies the joules).
SETTINGS: dict[str, Any] = {
    "allow_multiple_runs": True,  # else it takes a lock file and the handlers of SIGINT and SIGTERM
    "api_call_interval": 1,  # call the output handler at each measurement
    "cloud_provider": None,
    "cloud_region": None,
    "country_2letter_iso_code": None,
    "country_iso_code": "USA",  # only emissions depend on the country, and they are not used
    "electricitymaps_api_token": "",
    "emissions_endpoint": None,
    "force_carbon_intensity_g_co2e_kwh": None,
    "force_cpu_power": None,
    "force_mode_cpu_load": False,
    "force_ram_power": None,
    "log_level": "warning",
    "logger_preamble": "",
    "logging_logger": None,
    "measure_power_secs": MEASURE_EVERY_S,
    "output_dir": ".",  # must exist; nothing is written there
    "output_methods": [],
    "pue": 1.0,
    "rapl_include_dram": False,
    "rapl_prefer_psys": False,
    "region": None,
    "tracking_mode": "machine",
    "wue": 0,
}

_LOGGER = logging.getLogger("codecarbon")
# Messages that it logs in every run, and the text around an exception.
_ORDINARY = ("Multiple instances of codecarbon", "You have ", "graceful shutdown", "stopping.")


class CodeCarbonMeter:
    """Measures or estimates with CodeCarbon.

    Args:
        make_tracker: makes a new tracker, not yet started, that reports its measurements to the log.
        clock: the clock of the window.
        gpus: UUIDs of the GPUs that the experiment uses and the tracker measures; empty without GPUs.
        check: checks the counters of the GPUs between the measurements; None = they are not checked.
    """

    name = "codecarbon"

    def __init__(
        self, make_tracker: TrackerFactory, clock: Clock, gpus: Sequence[str] = (), check: CrossCheck | None = None
    ) -> None:
        self._make_tracker, self._clock, self._gpus, self._check = make_tracker, clock, tuple(gpus), check
        self._windows: list[CodeCarbonWindow] = []
        self.devices = self._gpus or ("machine",)

    def open_window(self) -> CodeCarbonWindow:
        """Start a tracker. The first one of a process takes about 2 s; `create` has already started one.

        Raises:
            MeterError: the tracker cannot be started.
        """
        window = CodeCarbonWindow(self._make_tracker, self._clock, self._gpus, self._check)
        self._windows = [*(other for other in self._windows if other.running), window]
        return window

    def release(self) -> None:
        for window in self._windows:
            window.abandon()


class CodeCarbonWindow:
    """A running tracker."""

    def __init__(
        self, make_tracker: TrackerFactory, clock: Clock, gpus: tuple[str, ...], check: CrossCheck | None = None
    ) -> None:
        self._clock, self._gpus, self._check = clock, gpus, check
        self._energy_log, self._messages = EnergyLog(clock), LogMessages()
        _LOGGER.addHandler(self._messages)
        try:
            self._tracker = _started(make_tracker, self._energy_log)
        except Exception as error:  # any exception of the library becomes a MeterError
            _LOGGER.removeHandler(self._messages)
            raise MeterError(f"codecarbon cannot start: {type(error).__name__}: {error}") from error
        self.running = True
        if not self._energy_log.points:
            self.abandon()
            raise MeterError(f"codecarbon did not start: {'; '.join(self._messages.texts) or 'it logged no reason'}")

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        self._wait_for_a_due_measurement()
        self._stop()
        n_readings, period_s = self._energy_log.updates(start_s, end_s)
        reading = reading_of(
            {part: self._energy_log.used_j(part, start_s, end_s) for part in PARTS},
            duration_s=end_s - start_s,
            gpus=self._gpus,
            cpu_is_measured=_reads_cpu_counters(self._tracker),
            still_s={part: self._energy_log.stood_still_s(part) for part in PARTS},
            logged=self._messages.texts,
        ).model_copy(update={"n_readings": n_readings, "update_period_s": period_s})
        return reading if self._check is None else self._check.of(reading, start_s, end_s)

    def abandon(self) -> None:
        with contextlib.suppress(MeterError):
            self._stop()

    def _wait_for_a_due_measurement(self) -> None:
        """Wait until a running measurement is reported: stopping during a measurement counts its second twice."""
        deadline_s = self._clock.now() + MEASURE_EVERY_S
        while self.running and self._energy_log.age_s > DUE_S and self._clock.now() < deadline_s:
            self._clock.sleep(0.001)

    def _stop(self) -> None:
        if not self.running:
            return
        self.running = False
        try:
            self._tracker.stop()
        except Exception as error:
            raise MeterError(f"codecarbon failed to stop: {type(error).__name__}: {error}") from error
        finally:
            _LOGGER.removeHandler(self._messages)


class LogMessages(logging.Handler):
    """Keeps the warnings and errors that the library logs instead of raising exceptions."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = " ".join(record.getMessage().split())
        if record.exc_info and record.exc_info[1] is not None:
            text = f"{text} {type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
        if not text.startswith(_ORDINARY) and text not in self.texts:
            self.texts.append(text)


def _started(make_tracker: TrackerFactory, energy_log: EnergyLog) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        tracker = make_tracker(energy_log)
        _remove_terminal_handlers()
        tracker.start()
    return tracker


def _remove_terminal_handlers() -> None:
    """Remove the handlers that write to the terminal; importing CodeCarbon and each new tracker add one."""
    for handler in _LOGGER.handlers[:]:
        if type(handler) is logging.StreamHandler:
            _LOGGER.removeHandler(handler)


def _reads_cpu_counters(tracker: Any) -> bool:
    """Whether the CPU is read from RAPL; an unknown source counts as a model."""
    return any(getattr(part, "_mode", None) == "intel_rapl" for part in getattr(tracker, "_hardware", ()))


def _library() -> Any:
    with _silence():
        try:
            return import_module("codecarbon")
        except Exception as error:  # a broken installation may raise any exception
            raise MeterError(f"codecarbon cannot be imported: {type(error).__name__}: {error}") from error
        finally:
            _remove_terminal_handlers()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Suppress output: importing prints and logs to the terminal where the bindings of AMD GPUs find no driver."""

    def nothing(record: logging.LogRecord) -> bool:
        return False

    _LOGGER.addFilter(nothing)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        _LOGGER.removeFilter(nothing)


def probe(context: MeterContext) -> str | None:
    """None when it is installed and finds the GPUs. Without nvidia-smi it ignores them and would model the CPU instead."""
    if find_spec("codecarbon") is None:
        return "codecarbon is not installed"
    if context.gpus and shutil.which("nvidia-smi") is None:
        return "codecarbon ignores the GPUs because nvidia-smi is not on the PATH"
    return None


def create(context: MeterContext) -> CodeCarbonMeter:
    """The meter of the GPUs of the context, or of the machine's CPU.

    It measures once for 0.1 s. So the 2 s and 100 MB of the first start are not in a window, and a CPU counter that opens
    but does not advance, as on some virtual machines, is treated as absent.

    Raises:
        MeterError: codecarbon cannot be imported or started.
    """
    library = _library()
    # GPUs are given by NVML's number: codecarbon's matching of UUIDs removes the G of "GPU-". None would mean the GPUs of
    # CUDA_VISIBLE_DEVICES.
    gpu_ids = [gpu.index for gpu in context.gpus] or None
    check = CrossCheck(context.gpus, context.sampler) if context.sampler is not None else None

    def meter(**changed: Any) -> CodeCarbonMeter:
        def make_tracker(energy_log: EnergyLog) -> Any:
            options = {**SETTINGS, "gpu_ids": gpu_ids, "output_handlers": [energy_log], **changed}
            return library.OfflineEmissionsTracker(**options)

        return CodeCarbonMeter(make_tracker, context.clock, tuple(gpu.uuid for gpu in context.gpus), check)

    counting = meter()
    if _reads_anything(counting, context.clock) or context.gpus:
        return counting
    modelling = meter(force_mode_cpu_load=True)
    return modelling if _reads_anything(modelling, context.clock) else counting


def _reads_anything(meter: CodeCarbonMeter, clock: Clock) -> bool:
    window = meter.open_window()
    start_s = clock.now()
    clock.sleep(MOMENT_S)
    return window.close(start_s, clock.now()).energy_j is not None
