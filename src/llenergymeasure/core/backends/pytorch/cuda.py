"""What torch says of CUDA's devices, without a model."""

from __future__ import annotations

import torch

from llenergymeasure.config.models import ExperimentConfig


def is_available() -> bool:
    """Whether torch sees a CUDA device."""
    return bool(torch.cuda.is_available())


def device_count() -> int:
    """How many CUDA devices this process sees."""
    return int(torch.cuda.device_count())


def gpus_used(config: ExperimentConfig) -> int | None:
    """How many GPUs an experiment uses: none on a CPU, all that are visible (None) with a device map, else one."""
    section = config.pytorch_settings
    if section.device == "cpu" or not is_available():
        return 0
    return None if section.device_map is not None else 1


def uuids() -> list[str]:
    """UUIDs of CUDA's devices in its order, as NVML writes them."""
    return [f"GPU-{torch.cuda.get_device_properties(index).uuid}" for index in range(device_count())]
