"""What torch says of CUDA's devices, without a model."""

from __future__ import annotations

import torch


def is_available() -> bool:
    """Whether torch sees a CUDA device."""
    return bool(torch.cuda.is_available())


def device_count() -> int:
    """How many CUDA devices this process sees."""
    return int(torch.cuda.device_count())


def uuids() -> list[str]:
    """UUIDs of CUDA's devices in its order, as NVML writes them."""
    return [f"GPU-{torch.cuda.get_device_properties(index).uuid}" for index in range(device_count())]
