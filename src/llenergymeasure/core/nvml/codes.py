"""The meaning of NVML's codes and numbers. With `door`, the only module that imports pynvml.

| NVML code | outcome | meaning |
|---|---|---|
| NOT_SUPPORTED, FUNCTION_NOT_FOUND, LIBRARY_NOT_FOUND, DRIVER_NOT_LOADED | `SensorAbsent` | not available, no fault |
| TIMEOUT, UNKNOWN and other temporary errors | `ReadingFailed` | retried once, then this reading is lost |
| GPU_IS_LOST, RESET_REQUIRED, LIB_RM_VERSION_MISMATCH, NO_PERMISSION | `SensorFault` | no further readings |
"""

from __future__ import annotations

from typing import Any

import pynvml

from llenergymeasure.exceptions import MeterError, ReadingFailed, SensorAbsent, SensorFault

_ABSENT = frozenset(
    {
        pynvml.NVML_ERROR_NOT_SUPPORTED,
        pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_NOT_FOUND,
    }
)
_FAULTS = {
    pynvml.NVML_ERROR_GPU_IS_LOST: "the GPU is lost; reboot the machine, or reset it with: nvidia-smi --gpu-reset",
    pynvml.NVML_ERROR_RESET_REQUIRED: "the GPU must be reset: nvidia-smi --gpu-reset",
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "the driver and its library have different versions; reboot",
    pynvml.NVML_ERROR_NO_PERMISSION: "no permission to read the GPU; run as a user who may use the NVIDIA driver",
}

ARCHITECTURES = {
    pynvml.NVML_DEVICE_ARCH_PASCAL: "pascal",
    pynvml.NVML_DEVICE_ARCH_VOLTA: "volta",
    pynvml.NVML_DEVICE_ARCH_TURING: "turing",
    pynvml.NVML_DEVICE_ARCH_AMPERE: "ampere",
    pynvml.NVML_DEVICE_ARCH_ADA: "ada",
    pynvml.NVML_DEVICE_ARCH_HOPPER: "hopper",
    pynvml.NVML_DEVICE_ARCH_BLACKWELL: "blackwell",
}


def outcome_of(code: int, text: str) -> MeterError:
    """The exception for an NVML code."""
    if code in _ABSENT:
        return SensorAbsent(text)
    if code in _FAULTS:
        return SensorFault(f"{text}: {_FAULTS[code]}")
    return ReadingFailed(text)


def union_number(value_type: int, value: Any) -> float:
    """The value of NVML's value union, by its type (nvml.h: nvmlValueType_t)."""
    member = ("dVal", "uiVal", "ulVal", "ullVal", "sllVal", "siVal", "usVal")[value_type]
    return float(getattr(value, member))
