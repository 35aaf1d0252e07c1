"""The parts that a measurement is made with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from llenergymeasure.core.baseline import BaselineCache
from llenergymeasure.core.check_parts import check_collectors, check_part
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.model_cache import ModelCache, NoModelCache
from llenergymeasure.core.sampling.no_sensors import NoSensors
from llenergymeasure.core.window import Alone
from llenergymeasure.datasets.prompts import PromptSet
from llenergymeasure.domain.environment import EnvironmentSnapshot
from llenergymeasure.progress import Progress, Silent
from llenergymeasure.protocols import (
    Clock,
    EnergyBackend,
    InferenceEngine,
    Metering,
    MetricsCollector,
    ProcessGroup,
    Sampler,
)


@dataclass(frozen=True)
class Carbon:
    """Carbon intensity of the electricity and PUE of the site, which convert energy to CO2."""

    intensity_gco2_kwh: float | None = None
    datacenter_pue: float = 1.0


@dataclass(frozen=True)
class Instruments:
    """Everything that a measurement needs except the model. The orchestrator chooses it.

    `gpu_processes` returns the processes on each GPU of this machine, by UUID, or None where they are not known; where it lists
    no GPU, there is none.
    """

    metering: Metering
    prompts: PromptSet
    snapshot: Callable[[InferenceEngine], EnvironmentSnapshot]
    collectors: Sequence[MetricsCollector]
    sampler: Sampler = field(default_factory=NoSensors)
    clock: Clock = field(default_factory=SystemClock)
    progress: Progress = field(default_factory=Silent)
    baselines: BaselineCache = field(default_factory=BaselineCache)
    carbon: Carbon = Carbon()
    process_group: ProcessGroup = field(default_factory=Alone)
    model_cache: ModelCache = field(default_factory=NoModelCache)
    gpu_processes: Callable[[], Mapping[str, Sequence[int] | None]] = dict

    def __post_init__(self) -> None:
        check_part(self.metering.meter, EnergyBackend)
        check_collectors(self.collectors)
