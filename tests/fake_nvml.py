"""Replaces the pynvml module: GPUs with constant values, and the failures that a test requests."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pynvml


class FakeNvml:
    """`failures` maps a function's name to a code, or to a list of codes for one call after the other (0 = works)."""

    def __init__(
        self, gpus: int = 1, names: tuple[str, ...] = ("NVIDIA H100",), failures: dict[str, Any] | None = None
    ) -> None:
        self._gpus, self._names = gpus, names
        self.failures = failures or {}
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("nvml"):
            return getattr(pynvml, name)

        def call(*arguments: Any) -> Any:
            self.calls.append(name)
            self._fail(name)
            return getattr(self, f"_{name}", lambda *_: None)(*arguments)

        return call

    def _fail(self, name: str) -> None:
        code = self.failures.get(name, 0)
        if isinstance(code, list):
            code = code.pop(0) if code else 0
        if code:
            raise pynvml.NVMLError(code)

    def _nvmlDeviceGetCount(self) -> int:
        return self._gpus

    def _nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def _nvmlDeviceGetUUID(self, handle: int) -> bytes:
        return f"GPU-{handle}aaa".encode()

    def _nvmlDeviceGetName(self, handle: int) -> str:
        return self._names[handle % len(self._names)]

    def _nvmlDeviceGetArchitecture(self, handle: int) -> int:
        return pynvml.NVML_DEVICE_ARCH_HOPPER

    def _nvmlDeviceGetFieldValues(self, handle: int, fields: list[int]) -> list[Any]:
        numbers = {83: (3, 5_000_000), 185: (1, 250_000), 186: (1, 300_000)}
        return [self._field(field, *numbers[field]) for field in fields]

    def _field(self, field: int, kind: int, number: int) -> Any:
        member = {1: "uiVal", 3: "ullVal"}[kind]
        code = self.failures.get(f"field {field}", 0)
        return SimpleNamespace(
            fieldId=field, nvmlReturn=code, valueType=kind, value=SimpleNamespace(**{member: number})
        )

    def _nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:
        return 5_000_000

    def _nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        return 250_000

    def _nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:
        return SimpleNamespace(used=2_000_000_000, total=80_000_000_000)

    def _nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
        return SimpleNamespace(gpu=97)

    def _nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        return 61

    def _nvmlDeviceGetClockInfo(self, handle: int, clock: int) -> int:
        return 1980

    def _nvmlDeviceGetCurrentClocksEventReasons(self, handle: int) -> int:
        return 0x4

    def _nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: int) -> int:
        return 0x20

    def _nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Any]:
        return [SimpleNamespace(pid=9)]

    def _nvmlDeviceGetGraphicsRunningProcesses(self, handle: int) -> list[Any]:
        return [SimpleNamespace(pid=7), SimpleNamespace(pid=9)]

    def _nvmlDeviceGetHandleByUUID(self, uuid: str) -> int:
        return 100

    def _nvmlDeviceGetDeviceHandleFromMigDeviceHandle(self, handle: int) -> int:
        return 0

    def _nvmlSystemGetDriverVersion(self) -> str:
        return "580.1"

    def _nvmlDeviceGetCudaComputeCapability(self, handle: int) -> tuple[int, int]:
        return (9, 0)

    def _nvmlDeviceGetEccMode(self, handle: int) -> list[int]:
        return [1, 1]

    def _nvmlDeviceGetMigMode(self, handle: int) -> list[int]:
        return [0, 0]

    def _nvmlDeviceGetEnforcedPowerLimit(self, handle: int) -> int:
        return 700_000

    def _nvmlDeviceGetPowerManagementDefaultLimit(self, handle: int) -> int:
        return 700_000

    def _nvmlDeviceGetPersistenceMode(self, handle: int) -> int:
        return 1

    def _nvmlDeviceGetSamples(self, handle: int, kind: int, since_us: int) -> Any:
        assert kind == pynvml.NVML_TOTAL_POWER_SAMPLES
        record = [(1_700_000_000_000_000 + index * 100_000, 90_000 + 1_000 * index) for index in range(5)]
        samples = [
            SimpleNamespace(timeStamp=time_us, sampleValue=SimpleNamespace(uiVal=milliwatts))
            for time_us, milliwatts in record
            if time_us > since_us
        ]
        return 1, samples
