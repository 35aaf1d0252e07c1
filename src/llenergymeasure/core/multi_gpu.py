"""The GPUs over which one process spread its model."""

from __future__ import annotations

from typing import Literal

from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.domain.measurements import ModelInfo, MultiGpu


def used_gpus(model: ModelInfo) -> tuple[str, ...]:
    """Names, by the backend, of the GPUs that hold a part of the model."""
    return tuple(device for device in model.devices if device.startswith("cuda"))


def spread_over(model: ModelInfo, energy: EnergyReading) -> MultiGpu | None:
    """The GPUs over which one process spread a model, by UUID where each is metered; None with fewer than two."""
    used, metered = used_gpus(model), tuple(energy.per_device_j or ())
    if len(used) < 2:
        return None
    return MultiGpu(
        devices=metered if len(metered) == len(used) else used,
        strategy=_strategy(model),
        energy_per_device_j=energy.per_device_j,
    )


def _strategy(
    model: ModelInfo,
) -> Literal["device_map", "tensor_parallel", "pipeline_parallel", "tensor_and_pipeline_parallel"]:
    """How the model is split, by the sizes that the engine reports."""
    split, staged = (
        model.effective_settings.get(name, 1) > 1 for name in ("tensor_parallel_size", "pipeline_parallel_size")
    )
    if split and staged:
        return "tensor_and_pipeline_parallel"
    return "tensor_parallel" if split else "pipeline_parallel" if staged else "device_map"
