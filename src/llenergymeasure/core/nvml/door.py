"""Reads GPUs through pynvml: GPUs by UUID, readings in J, W, C and MB, and every failure as one of three exceptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pynvml

from llenergymeasure.core.nvml.codes import ARCHITECTURES, outcome_of, union_number
from llenergymeasure.core.nvml.gpu import ConditionReading, Gpu, PowerReading
from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.exceptions import MeterError, ReadingFailed, SensorAbsent

T = TypeVar("T")

MILLI = 1e-3
MEGABYTE = 1e6

# nvml.h: field identifiers of nvmlDeviceGetFieldValues.
FIELD_ENERGY = 83
FIELD_POWER_AVERAGE = 185
FIELD_POWER_INSTANT = 186


class GpuDoor:
    """NVML after initialisation.

    Args:
        nvml: the pynvml module, or a stand-in for it.

    Raises:
        SensorAbsent: no library, no driver or no GPU.
        SensorFault: NVML is present but not usable.
    """

    def __init__(self, nvml: Any = pynvml) -> None:
        self._nvml = nvml
        self.call(nvml.nvmlInit)
        self._open = True
        try:
            self.gpus = self._enumerate()
        except MeterError:
            self.close()
            raise
        if not self.gpus:
            self.close()
            raise SensorAbsent("it works, but finds no GPU")

    def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call NVML; a temporary failure is retried once."""
        try:
            return self._once(function, *arguments)
        except ReadingFailed:
            return self._once(function, *arguments)

    def _once(self, function: Callable[..., T], *arguments: Any) -> T:
        try:
            return function(*arguments)
        except self._nvml.NVMLError as error:
            raise outcome_of(error.value, str(error)) from error

    def close(self) -> None:
        """Shut NVML down. Safe to call twice."""
        if self._open:
            self._open = False
            self._nvml.nvmlShutdown()

    def abandon(self) -> None:
        """Leave NVML open until the process ends: a call hangs in it, and shutting it down could hang as well."""
        self._open = False

    def _enumerate(self) -> tuple[Gpu, ...]:
        count = self.call(self._nvml.nvmlDeviceGetCount)
        return tuple(self._gpu(index) for index in range(count))

    def _gpu(self, index: int) -> Gpu:
        nvml = self._nvml
        handle = self.call(nvml.nvmlDeviceGetHandleByIndex, index)
        return Gpu(
            index=index,
            uuid=_text(self.call(nvml.nvmlDeviceGetUUID, handle)),
            name=_text(self.call(nvml.nvmlDeviceGetName, handle)),
            architecture=ARCHITECTURES.get(self.reported(nvml.nvmlDeviceGetArchitecture, handle), "unknown"),
            handle=handle,
            power_limit_w=self._power_limit_w(handle),
        )

    def _power_limit_w(self, handle: Any) -> float | None:
        """The higher of the current and the default limit: the limit may be raised again later."""
        limits = (self._nvml.nvmlDeviceGetEnforcedPowerLimit, self._nvml.nvmlDeviceGetPowerManagementDefaultLimit)
        known = [limit for read in limits if (limit := _watts(self.reported(read, handle)))]
        return max(known, default=None)

    def mig_parent(self, uuid: str) -> str | None:
        """UUID of the GPU that a MIG instance belongs to; None when there is no such instance."""
        nvml = self._nvml
        instance = self.reported(nvml.nvmlDeviceGetHandleByUUID, uuid)
        parent = (
            None if instance is None else self.reported(nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle, instance)
        )
        return None if parent is None else _text(self.call(nvml.nvmlDeviceGetUUID, parent))

    def driver_version(self) -> str | None:
        """Version of the NVIDIA driver; None when it is not reported."""
        return self.reported(self._nvml.nvmlSystemGetDriverVersion)

    def info(self, gpu: Gpu) -> GpuInfo:
        """The driver's description of a GPU and its settings."""
        nvml, handle = self._nvml, gpu.handle
        capability = self.reported(nvml.nvmlDeviceGetCudaComputeCapability, handle)
        memory = self.reported(nvml.nvmlDeviceGetMemoryInfo, handle)
        ecc, mig = self.reported(nvml.nvmlDeviceGetEccMode, handle), self.reported(nvml.nvmlDeviceGetMigMode, handle)
        return GpuInfo(
            index=gpu.index,
            name=gpu.name,
            uuid=gpu.uuid,
            vram_mb=None if memory is None else memory.total / MEGABYTE,
            compute_capability=None if capability is None else ".".join(map(str, capability)),
            power_limit_w=_watts(self.reported(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)),
            power_limit_default_w=_watts(self.reported(nvml.nvmlDeviceGetPowerManagementDefaultLimit, handle)),
            persistence_mode=_yes(self.reported(nvml.nvmlDeviceGetPersistenceMode, handle)),
            ecc_enabled=None if ecc is None else bool(ecc[0]),
            mig_enabled=None if mig is None else bool(mig[0]),
        )

    def reported(self, function: Callable[..., T], *arguments: Any) -> T | None:
        """A value that NVML reports and that no energy depends on; None when not reported or not permitted."""
        try:
            return self.call(function, *arguments)
        except MeterError:
            return None

    def _read(self, function: Callable[..., T], *arguments: Any) -> T | None:
        """A sensor's value; None when it reports none. A lost device raises `SensorFault`."""
        try:
            return self.call(function, *arguments)
        except (SensorAbsent, ReadingFailed):
            return None

    def power(self, gpu: Gpu) -> PowerReading:
        """Energy counter, average and instant power, in one call where the driver supports it.

        Raises:
            MeterError: nothing could be read.
        """
        try:
            reading = self._fields(gpu)
        except SensorAbsent:
            reading = self._single_readings(gpu)
        for watts in (reading.average_w, reading.instant_w):
            if watts is not None and watts > gpu.highest_power_w:
                raise ReadingFailed(
                    f"GPU {gpu.index} ({gpu.name}) reported {watts:.4g} W, more than twice its limit of {gpu.power_limit_w:.4g} W"
                )
        return reading

    def _fields(self, gpu: Gpu) -> PowerReading:
        fields = [FIELD_ENERGY, FIELD_POWER_AVERAGE, FIELD_POWER_INSTANT]
        values = self.call(self._nvml.nvmlDeviceGetFieldValues, gpu.handle, fields)
        known = {value.fieldId: _field_number(value) * MILLI for value in values if value.nvmlReturn == 0}
        if not known:
            raise outcome_of(values[0].nvmlReturn, f"field {values[0].fieldId}: NVML code {values[0].nvmlReturn}")
        return PowerReading(known.get(FIELD_ENERGY), known.get(FIELD_POWER_AVERAGE), self._instant(gpu, known))

    def _instant(self, gpu: Gpu, known: dict[int, float]) -> float | None:
        """Instant power in W: field 186, else the power usage where that is instant power."""
        if FIELD_POWER_INSTANT in known or gpu.power_usage_is_average:
            return known.get(FIELD_POWER_INSTANT)
        return self._power_usage(gpu)

    def _power_usage(self, gpu: Gpu) -> float | None:
        return _watts(self._read(self._nvml.nvmlDeviceGetPowerUsage, gpu.handle))

    def _single_readings(self, gpu: Gpu) -> PowerReading:
        """Energy and power by single calls, for drivers without field values."""
        energy_mj = self._read(self._nvml.nvmlDeviceGetTotalEnergyConsumption, gpu.handle)
        energy_j = None if energy_mj is None else energy_mj * MILLI
        power_w = self._power_usage(gpu)
        if energy_j is None and power_w is None:
            raise SensorAbsent(f"GPU {gpu.index} ({gpu.name}) reports neither energy nor power")
        if gpu.power_usage_is_average:
            return PowerReading(energy_j, average_w=power_w)
        return PowerReading(energy_j, instant_w=power_w)

    def conditions(self, gpu: Gpu) -> ConditionReading:
        """Temperature, clock, utilisation, memory and event reasons; None where the device reports no value."""
        nvml, handle = self._nvml, gpu.handle
        memory = self.reported(nvml.nvmlDeviceGetMemoryInfo, handle)
        utilisation = self.reported(nvml.nvmlDeviceGetUtilizationRates, handle)
        return ConditionReading(
            temperature_c=self.reported(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
            memory_used_mb=None if memory is None else memory.used / MEGABYTE,
            memory_total_mb=None if memory is None else memory.total / MEGABYTE,
            utilisation_pct=None if utilisation is None else utilisation.gpu,
            clock_mhz=self.reported(nvml.nvmlDeviceGetClockInfo, handle, nvml.NVML_CLOCK_SM),
            reasons=self._reasons(gpu),
        )

    def _reasons(self, gpu: Gpu) -> int | None:
        """Clock event reasons; old drivers have them under another name."""
        reasons: int | None = self.reported(self._nvml.nvmlDeviceGetCurrentClocksEventReasons, gpu.handle)
        if reasons is None:
            reasons = self.reported(self._nvml.nvmlDeviceGetCurrentClocksThrottleReasons, gpu.handle)
        return reasons

    def processes(self, gpu: Gpu) -> tuple[int, ...] | None:
        """Ids of the compute and graphics processes on the GPU; None when the driver cannot list compute processes."""
        computing = self.computing(gpu)
        if computing is None:
            return None
        drawing = self.reported(self._nvml.nvmlDeviceGetGraphicsRunningProcesses, gpu.handle) or ()
        return tuple(sorted({*computing, *(process.pid for process in drawing)}))

    def computing(self, gpu: Gpu) -> tuple[int, ...] | None:
        """Ids of the processes that compute on the GPU; None when the driver cannot list them."""
        found = self.reported(self._nvml.nvmlDeviceGetComputeRunningProcesses, gpu.handle)
        return None if found is None else tuple(sorted({process.pid for process in found}))

    def recent_power(self, gpu: Gpu, since_utc_s: float) -> list[tuple[float, float]]:
        """The driver's own power record: time in s since 1970 and power in W; empty where it keeps none.

        nvml.h: time stamps are the CPU's, in microseconds; the record holds about the last hundred updates.
        """
        nvml = self._nvml
        since_us = int(since_utc_s * 1e6)
        found = self.reported(nvml.nvmlDeviceGetSamples, gpu.handle, nvml.NVML_TOTAL_POWER_SAMPLES, since_us)
        value_type, samples = found if found is not None else (0, ())
        recorded = [(one.timeStamp * 1e-6, union_number(value_type, one.sampleValue) * MILLI) for one in samples]
        return [(time_s, watts) for time_s, watts in recorded if watts <= gpu.highest_power_w]

    def energy_j(self, gpu: Gpu) -> float | None:
        """The energy counter in J; None when the device has none.

        Raises:
            ReadingFailed: this reading failed.
            SensorFault: the device is lost.
        """
        try:
            return float(self.call(self._nvml.nvmlDeviceGetTotalEnergyConsumption, gpu.handle)) * MILLI
        except SensorAbsent:
            return None


def _field_number(value: Any) -> float:
    return union_number(value.valueType, value.value)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _watts(milliwatts: float | None) -> float | None:
    return None if milliwatts is None else milliwatts * MILLI


def _yes(value: int | None) -> bool | None:
    return None if value is None else bool(value)
