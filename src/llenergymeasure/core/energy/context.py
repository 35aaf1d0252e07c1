"""What a meter may need to know of the machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llenergymeasure.protocols import Clock

if TYPE_CHECKING:
    from llenergymeasure.core.nvml.door import Gpu, GpuDoor
    from llenergymeasure.core.sampling.sampler import GpuSampler


@dataclass(frozen=True)
class MeterContext:
    """The GPUs that an experiment uses, and what watches them.

    Attributes:
        clock: time.
        door: NVML; None without a GPU.
        gpus: what to measure; empty without one.
        sampler: watches them; None without one.
        no_gpu_reason: why there is none.
    """

    clock: Clock
    door: GpuDoor | None = None
    gpus: tuple[Gpu, ...] = ()
    sampler: GpuSampler | None = None
    no_gpu_reason: str = "no NVIDIA GPU"
