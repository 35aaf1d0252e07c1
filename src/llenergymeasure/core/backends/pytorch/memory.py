"""Peak memory of a window: that of the allocator on CUDA, that of the process on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

MEGABYTE = 1e6
KIBIBYTE = 1024


class CudaMemory:
    """Peak of torch's allocator, summed over the devices."""

    def __init__(self, devices: Sequence[str]) -> None:
        self._devices = tuple(devices)

    def reset(self) -> None:
        """Start a new peak."""
        for device in self._devices:
            torch.cuda.reset_peak_memory_stats(device)

    def peak_mb(self) -> tuple[float | None, str]:
        """Peak in MB and how it was read."""
        return sum(torch.cuda.max_memory_allocated(device) for device in self._devices) / MEGABYTE, "cuda_allocated"


class ProcessMemory:
    """Peak resident memory of this process, from the kernel's peak counter (proc(5): VmHWM, clear_refs)."""

    def __init__(self, process: Path = Path("/proc/self")) -> None:
        self._process = process
        self._was_reset = False

    def reset(self) -> None:
        """Start a new peak, if the kernel permits it."""
        try:
            (self._process / "clear_refs").write_text("5", encoding="ascii")
            self._was_reset = True
        except OSError:
            self._was_reset = False

    def peak_mb(self) -> tuple[float | None, str]:
        """Peak in MB and how it was read; None when the counter cannot be reset."""
        if not self._was_reset:
            return None, "unknown: the kernel's peak counter cannot be reset on this system"
        status = (self._process / "status").read_text(encoding="ascii", errors="replace")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * KIBIBYTE / MEGABYTE, "process_rss"
