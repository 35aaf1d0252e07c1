"""The GPUs over which one process spread its model."""

from __future__ import annotations

from llenergymeasure.domain.energy import EnergyReading
from llenergymeasure.domain.measurements import ModelInfo, MultiGpu


def used_gpus(model: ModelInfo) -> tuple[str, ...]:
    """Names, by the backend, of the GPUs that hold a part of the model."""
    return tuple(device for device in model.devices if device.startswith("cuda"))


def spread_over(model: ModelInfo, energy: EnergyReading) -> MultiGpu | None:
    """The GPUs over which a device map spread a model, by UUID where each is metered; None with fewer than two."""
    used, metered = used_gpus(model), tuple(energy.per_device_j or ())
    if len(used) < 2:
        return None
    return MultiGpu(
        devices=metered if len(metered) == len(used) else used,
        strategy="device_map",
        energy_per_device_j=energy.per_device_j,
    )
