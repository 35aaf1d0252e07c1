"""Everything that is known when a window is over, for those who judge it."""

from __future__ import annotations

from dataclasses import dataclass, fields

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.dataset import DatasetInfo
from llenergymeasure.domain.environment import EnvironmentSnapshot
from llenergymeasure.domain.measurements import (
    BaselineResult,
    EnergyReading,
    FlopsResult,
    HostResult,
    LatencyResult,
    MemoryResult,
    MeterChoice,
    ModelInfo,
    PhaseEnergy,
    PhaseTimes,
    TokenCounts,
    WarmupResult,
)
from llenergymeasure.protocols import Trace


@dataclass(frozen=True)
class Facts:
    """The blocks of a result, before it is judged and assembled."""

    config: ExperimentConfig
    duration_s: float
    meter: MeterChoice
    energy: EnergyReading
    baseline: BaselineResult
    model: ModelInfo
    dataset: DatasetInfo
    environment: EnvironmentSnapshot
    tokens: TokenCounts
    memory: MemoryResult
    host: HostResult
    flops: FlopsResult
    flops_architecture: FlopsResult | None = None
    latency: LatencyResult | None = None
    phases: PhaseTimes | None = None
    phase_energy: PhaseEnergy | None = None
    warmup: WarmupResult | None = None
    trace: Trace | None = None

    @property
    def energy_off_on_purpose(self) -> bool:
        """Whether the user asked for no energy."""
        return self.meter.name == "null"

    @property
    def temperature_drifts_c(self) -> tuple[float | None, ...]:
        """Change of temperature over the window, per GPU that was watched; None where it was not read."""
        return () if self.trace is None else tuple(gpu.drift_c for gpu in self.trace.conditions)


# A collector may fill a block that no judge asks for.
KNOWN = frozenset(fact.name for fact in fields(Facts))
