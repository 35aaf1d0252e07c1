"""What torch says of CUDA's devices, without a model; and imports that leave CUDA alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import torch

from llenergymeasure.config.models import ExperimentConfig

# From the documentation of torch.cuda.is_available: it then asks NVML, and the process can still be forked.
ASK_NVML = "PYTORCH_NVML_BASED_CUDA_CHECK"


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


def preload() -> tuple[ModuleType, ...]:
    """Import what every run needs, for a process that is forked per run: it uses no device and starts no thread."""
    with _asking_nvml():
        from transformers.models.auto import modeling_auto, tokenization_auto  # noqa: PLC0415 - after the variable is set
        from transformers.models.llama import modeling_llama  # noqa: PLC0415 - imports what most architectures need

        from llenergymeasure.core.backends.pytorch import backend  # noqa: PLC0415 - after the variable is set
    return backend, modeling_auto, tokenization_auto, modeling_llama


@contextmanager
def _asking_nvml() -> Iterator[None]:
    """Set the variable inside the block only: the runs have the user's environment."""
    before = os.environ.get(ASK_NVML)
    os.environ[ASK_NVML] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[ASK_NVML]
        else:
            os.environ[ASK_NVML] = before
