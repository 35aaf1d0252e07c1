"""The Zeus meter, and the only module that imports zeus. The import takes seconds and 190 MB, so it happens on selection.

Zeus 0.16 subtracts counter readings taken at the window's edges. Without a GPU it would return an empty dict and 0 J. On
cards before Volta it would start helper processes that use a whole core. A counter reset would give negative joules, a
window within one tick 0 J, and a counter that stops for a while too few joules. So it is available only where every GPU
has a readable counter, and the sampler checks the counters between Zeus' two readings.
"""

from __future__ import annotations

import contextlib
import math
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module, metadata
from importlib.util import find_spec
from itertools import count
from typing import TYPE_CHECKING, Any

from llenergymeasure.core.devices import MeterContext
from llenergymeasure.core.energy.crosscheck import CrossCheck
from llenergymeasure.core.energy.uncertainty import plain_difference_parts
from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.exceptions import MeterError

if TYPE_CHECKING:
    from llenergymeasure.core.nvml.door import GpuDoor
from llenergymeasure.core.nvml.gpu import Gpu


class ZeusMeter:
    """Measures GPUs with a `ZeusMonitor`.

    Args:
        uuids: UUIDs of the GPUs to measure, by Zeus' number; each has a working energy counter.
        make_monitor: makes the monitor of the GPUs with these numbers.
        check: checks the counters between the two readings that Zeus takes; None = they are not checked.

    Raises:
        MeterError: the monitor cannot start, or needs helper processes.
    """

    name = "zeus"

    def __init__(
        self, uuids: Mapping[int, str], make_monitor: Callable[[list[int]], Any], check: CrossCheck | None = None
    ) -> None:
        self._uuids, self._check = dict(uuids), check
        self.devices = tuple(self._uuids.values())
        self._keys = count()
        try:
            self._monitor = make_monitor(list(self._uuids))
        except Exception as error:  # any exception of the library becomes a MeterError
            raise MeterError(f"zeus cannot start: {type(error).__name__}: {error}") from error
        helpers = getattr(self._monitor, "power_monitor", None)
        if helpers is not None:
            helpers.stop()
            raise MeterError("zeus found a GPU without an energy counter and polls its power in helper processes")

    def open_window(self) -> ZeusWindow:
        return ZeusWindow(self._monitor, f"llem-{next(self._keys)}", self._uuids, self._check)

    def release(self) -> None:
        """Do nothing: the monitor has nothing open."""


class ZeusWindow:
    """A window of a `ZeusMonitor`."""

    def __init__(self, monitor: Any, key: str, uuids: Mapping[int, str], check: CrossCheck | None = None) -> None:
        self._monitor, self._key, self._uuids, self._check = monitor, key, uuids, check
        self._call(monitor.begin_window)
        self._open = True

    def close(self, start_s: float, end_s: float) -> EnergyReading:
        if not self._open:
            return EnergyReading(meter="zeus", reason="the window was already closed")
        self._open = False
        energies: Mapping[int, float] = self._call(self._monitor.end_window).gpu_energy
        reading = reading_of(
            {self._uuids[index]: joules for index, joules in energies.items()}, self.expected, end_s - start_s
        )
        if self._check is None:
            return reading
        checked = self._check.of(reading, start_s, end_s)
        n_readings, period_s = self._check.updates(start_s, end_s)
        return checked.model_copy(update={"n_readings": n_readings, "update_period_s": period_s})

    @property
    def expected(self) -> tuple[str, ...]:
        """UUIDs of the GPUs that a reading must contain."""
        return tuple(self._uuids.values())

    def abandon(self) -> None:
        if self._open:
            self._open = False
            with contextlib.suppress(MeterError):
                self._call(self._monitor.end_window)

    def _call(self, function: Callable[..., Any]) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # its warning about 0 J; the reading has its own reason
                return function(self._key, sync_execution=False)
        except Exception as error:
            raise MeterError(f"zeus failed: {type(error).__name__}: {error}") from error


def reading_of(energies_j: Mapping[str, float], expected: Sequence[str], duration_s: float) -> EnergyReading:
    """A reading from Zeus' joules per device; without joules when one is missing, negative or 0.

    Args:
        energies_j: energy in J by UUID.
        expected: UUIDs of all measured GPUs.
        duration_s: length of the window in s.
    """
    why_not = _why_not(energies_j, expected)
    if why_not is not None:
        return EnergyReading(meter="zeus", reason=why_not)
    total_j = math.fsum(energies_j.values())
    parts = plain_difference_parts(tuple(energies_j.values()), duration_s)
    return EnergyReading(
        meter="zeus",
        energy_j=total_j,
        per_device_j=dict(energies_j),
        method="counter",
        uncertainty_j=math.hypot(*parts.values()),
        uncertainty_parts_j=parts,
    )


def _why_not(energies_j: Mapping[str, float], expected: Sequence[str]) -> str | None:
    missing = sorted(set(expected) - set(energies_j))
    if missing or not expected:
        return f"zeus gave no energy for {', '.join(missing) or 'any GPU'}"
    for uuid, joules in energies_j.items():
        if joules < 0:
            return f"a counter was reset in the window: zeus gave {joules:g} J for {uuid}"
        if joules == 0:
            return f"zeus gave 0 J for {uuid}: its counter did not tick in the window; make the window longer"
    return None


def zeus_numbers(gpus: Sequence[Gpu], visible: str | None) -> dict[int, str]:
    """The number that Zeus uses for each GPU, with its UUID.

    Zeus numbers the entries of CUDA_VISIBLE_DEVICES, and takes each entry for an NVML number. Without the variable it
    uses NVML's numbers.

    Args:
        gpus: the GPUs to measure.
        visible: CUDA_VISIBLE_DEVICES; None when it is not set.

    Raises:
        MeterError: Zeus cannot read the variable, or would not find a GPU through it.
    """
    if visible is None:
        return {gpu.index: gpu.uuid for gpu in gpus}
    try:
        listed = [int(part) for part in visible.split(",")]
    except ValueError:
        raise MeterError(
            f"zeus reads only numbers in CUDA_VISIBLE_DEVICES, which is {visible!r}; list the GPUs with: nvidia-smi -L"
        ) from None
    for gpu in gpus:
        if gpu.index not in listed:
            raise MeterError(
                f"CUDA_VISIBLE_DEVICES={visible} names GPU {gpu.index} ({gpu.name}) by CUDA's number, "
                "but zeus reads it as NVML's number; set CUDA_DEVICE_ORDER=PCI_BUS_ID"
            )
    return {listed.index(gpu.index): gpu.uuid for gpu in gpus}


def probe(context: MeterContext) -> str | None:
    """None when zeus is installed, without zeus-ml, and each GPU has a number and a readable counter; else the reason."""
    if _is_installed("zeus-ml"):
        return "zeus-ml, the old name of zeus, is installed and breaks it; run: pip uninstall -y zeus-ml zeus && pip install zeus"
    if find_spec("zeus") is None or not _is_installed("zeus"):
        return "zeus is not installed"
    if context.door is None or not context.gpus:
        return context.no_gpu_reason
    try:
        zeus_numbers(context.gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))
    except MeterError as error:
        return str(error)
    return _no_counter(context.door, context.gpus)


def _is_installed(distribution: str) -> bool:
    """Whether a distribution of this name is installed, importable or not."""
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _no_counter(door: GpuDoor, gpus: Sequence[Gpu]) -> str | None:
    for gpu in gpus:
        try:
            if door.energy_j(gpu) is None:
                return f"GPU {gpu.index} ({gpu.name}) has no energy counter"
        except MeterError as error:
            return f"GPU {gpu.index} ({gpu.name}): {error}"
    return None


def create(context: MeterContext) -> ZeusMeter:
    """The meter of the GPUs of the context.

    Raises:
        MeterError: Zeus cannot be imported, cannot start or cannot address the GPUs.
    """
    uuids = zeus_numbers(context.gpus, os.environ.get("CUDA_VISIBLE_DEVICES"))
    try:
        monitor = import_module("zeus.monitor").ZeusMonitor
    except Exception as error:  # a broken installation may raise any exception
        raise MeterError(f"zeus cannot be imported: {type(error).__name__}: {error}") from error
    check = CrossCheck(context.gpus, context.sampler) if context.sampler is not None else None
    return ZeusMeter(uuids, lambda indices: monitor(gpu_indices=indices, cpu_indices=[]), check)
