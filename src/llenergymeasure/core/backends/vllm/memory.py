"""Peak memory of a window."""

from __future__ import annotations

from typing import Protocol

from llenergymeasure.core.backends.pytorch.memory import CudaMemory, ProcessMemory


class Memory(Protocol):
    """The peak of the memory that a model uses."""

    def reset(self) -> None:
        """Start a new peak."""

    def peak_mb(self) -> tuple[float | None, str]:
        """Peak in MB (None where not available), and its source."""


class MemoryOfOthers:
    """Memory that belongs to the processes that vLLM starts for several devices."""

    def reset(self) -> None:
        """Do nothing."""

    def peak_mb(self) -> tuple[float | None, str]:
        return None, "unknown: vLLM's processes, one per device, hold the memory"


def memory_of(devices: tuple[str, ...], processes: int) -> Memory:
    """The memory of a model on these devices, which so many processes share; on a CPU they are one device."""
    if processes > 1:
        return MemoryOfOthers()
    return CudaMemory(devices) if devices[0].startswith("cuda") else ProcessMemory()
