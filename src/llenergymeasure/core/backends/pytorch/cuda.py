"""The CUDA devices as torch reports them, without a model; and imports that do not initialise CUDA."""

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
    """Whether torch finds a CUDA device."""
    return bool(torch.cuda.is_available())


def device_count() -> int:
    """Number of CUDA devices visible to this process."""
    return int(torch.cuda.device_count())


def gpus_used(config: ExperimentConfig) -> int | None:
    """Number of GPUs that an experiment uses: 0 on a CPU, None (all visible ones) with a device map, else 1."""
    return config.gpus_wanted if is_available() else 0


def uuids() -> list[str]:
    """UUIDs of CUDA's devices in its order, as NVML writes them."""
    return [f"GPU-{torch.cuda.get_device_properties(index).uuid}" for index in range(device_count())]


def preload() -> tuple[ModuleType, ...]:
    """Import the libraries that every run needs, before runs are forked. It uses no device and starts no thread."""
    with _asking_nvml():
        from transformers.models.auto import modeling_auto, tokenization_auto  # noqa: PLC0415 - after the variable is set
        from transformers.models.llama import modeling_llama  # noqa: PLC0415 - imports what most architectures need

        from llenergymeasure.core.backends.pytorch import backend  # noqa: PLC0415 - after the variable is set
    return backend, modeling_auto, tokenization_auto, modeling_llama


@contextmanager
def _asking_nvml() -> Iterator[None]:
    """Set the variable only in the block, so that the runs have the user's environment."""
    before = os.environ.get(ASK_NVML)
    os.environ[ASK_NVML] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[ASK_NVML]
        else:
            os.environ[ASK_NVML] = before
