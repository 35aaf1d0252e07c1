"""The data of the result of one experiment.

Data is stored once, in the blocks that instruments and collectors fill. The headline numbers are computed from them,
appear at the top level of the JSON, and are checked against the blocks when a file is read.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, computed_field

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.base import Derived
from llenergymeasure.domain.dataset import DatasetInfo
from llenergymeasure.domain.energy import (
    BaselineResult,
    CarbonEstimate,
    EnergyBreakdown,
    EnergyReading,
    MeterChoice,
    PhaseEnergy,
)
from llenergymeasure.domain.environment import EnvironmentSnapshot
from llenergymeasure.domain.measurements import (
    CompilationResult,
    FlopsResult,
    HostResult,
    LatencyResult,
    MemoryResult,
    ModelInfo,
    MultiGpu,
    PhaseTimes,
    SchedulerResult,
    TokenCounts,
    WarmupResult,
)
from llenergymeasure.domain.sensors import GpuConditions, SamplerReport, ThermalThrottleInfo, TimeSeries
from llenergymeasure.domain.settings import used_settings
from llenergymeasure.domain.timeline import Timeline
from llenergymeasure.domain.traffic.result import ServerResult, SLOResult, TrafficResult
from llenergymeasure.domain.warnings import MeasurementWarning, PublicationCheck, warnings_of_texts

# 2.0  first public version
SCHEMA_VERSION = "2.0"

Methodology = Literal["total", "steady_state", "windowed"]


class ResultData(Derived):
    """All data of one measured window, and how it was measured."""

    schema_version: Literal["2.0"] = "2.0"
    tool_version: str
    started_at: str = Field(description="UTC, ISO 8601: when the experiment was opened.")
    finished_at: str = Field(description="UTC, ISO 8601: when the window closed.")
    config: ExperimentConfig
    measurement_config_hash: str = Field(description="First 16 hex digits of the SHA-256 of the configuration.")
    run_id: str | None = Field(None, description="Run of a study, such as 03.c1; None outside a study.")
    measurement_methodology: Methodology = Field(
        description="steady_state = after a warm-up; windowed = the window lies inside the traffic of a server; total = without a "
        "warm-up or traffic to exclude."
    )
    steady_state_window: tuple[float, float] | None = Field(
        None, description="(start, end) in seconds from experiment start; None when methodology is total."
    )
    duration_sec: float = Field(gt=0, description="Length of the measured window.")
    window_utc: tuple[float, float] | None = Field(
        None, description="(start, end) of the window in seconds since 1970, for comparison with other logs."
    )
    meter: MeterChoice
    energy: EnergyReading
    baseline: BaselineResult
    tokens: TokenCounts
    latency: LatencyResult | None = Field(None, description="None when no request was timed.")
    phases: PhaseTimes | None = Field(
        None, description="None when the backend does not report the times of first tokens."
    )
    phase_energy: PhaseEnergy | None = Field(None, description="None without energy, phases or a power trace.")
    timeline: Timeline | None = Field(None, description="None in results of several processes.")
    memory: MemoryResult
    host: HostResult
    flops: FlopsResult = Field(description="By the PaLM rule, 2 x N x tokens.")
    flops_architecture: FlopsResult | None = Field(None, description="From the architecture; None when unknown.")
    compilation: CompilationResult | None = Field(None, description="None when the backend does not report it.")
    scheduler: SchedulerResult | None = Field(None, description="None for a backend with static batches.")
    traffic: TrafficResult | None = Field(None, description="None for a backend that is no server.")
    server: ServerResult | None = Field(None, description="None for a backend that is no server.")
    warmup: WarmupResult | None = Field(None, description="None when warm-up was off.")
    thermal_throttle: ThermalThrottleInfo | None = Field(None, description="None when throttling was not observed.")
    gpu_conditions: tuple[GpuConditions, ...] | None = Field(None, description="None without sensors.")
    foreign_processes: tuple[str, ...] | None = Field(
        None, description="Other processes that used the GPUs in the window; None when not observed."
    )
    sampler: SamplerReport | None = Field(None, description="None without sensors.")
    model_info: ModelInfo
    dataset: DatasetInfo
    environment_snapshot: EnvironmentSnapshot
    co2: CarbonEstimate | None = Field(None, description="None without a carbon intensity or without energy.")
    warnings: tuple[MeasurementWarning, ...] = Field(
        (), description="Problems that limit how far the result can be trusted."
    )
    reproducibility_notes: str
    publication_check: PublicationCheck
    multi_gpu: MultiGpu | None = Field(None, description="None on one device.")
    process_results: tuple[dict[str, Any], ...] | None = Field(None, description="None with one process.")
    timeseries_file: str | None = Field(None, description="Side file with the trace; None without one.")
    timeseries: TimeSeries | None = Field(None, exclude=True, repr=False, description="Kept in the side file.")

    @property
    def backend(self) -> str:
        """Name of the backend that generated: the configuration's, unless the engine reports another."""
        return self.model_info.backend or self.config.backend

    @property
    def slo(self) -> SLOResult | None:
        """How the traffic kept the limits of `slo`; None without limits."""
        return None if self.traffic is None else self.traffic.slo

    @computed_field(description="Joules in the window; None when not measured.")  # type: ignore[prop-decorator]
    @property
    def energy_total_j(self) -> float | None:
        return self.energy.energy_j

    @computed_field(description="Expanded uncertainty (k = 2); None when unknown.")  # type: ignore[prop-decorator]
    @property
    def energy_uncertainty_j(self) -> float | None:
        return self.energy.uncertainty_j

    @computed_field(description="counter, sampled, estimated or replayed; None when not measured.")  # type: ignore[prop-decorator]
    @property
    def energy_method(self) -> str | None:
        return self.energy.method

    @computed_field(description="Joules by device uuid; None without devices.")  # type: ignore[prop-decorator]
    @property
    def energy_per_device_j(self) -> dict[str, float] | None:
        return self.energy.per_device_j

    @computed_field(description="Joules of the host's CPUs beside those of the GPUs; None when not measured.")  # type: ignore[prop-decorator]
    @property
    def host_energy_j(self) -> float | None:
        return None if self.energy.host is None else self.energy.host.energy_j

    @computed_field(description="energy_total_j + host_energy_j; None when one of them was not measured.")  # type: ignore[prop-decorator]
    @property
    def energy_with_host_j(self) -> float | None:
        total_j, host_j = self.energy.energy_j, self.host_energy_j
        return None if total_j is None or host_j is None else total_j + host_j

    @computed_field(description="Idle power in watts; None when not measured.")  # type: ignore[prop-decorator]
    @property
    def baseline_power_w(self) -> float | None:
        return self.baseline.power_w

    @computed_field(description="energy_total_j - baseline_power_w x duration_sec; may be negative.")  # type: ignore[prop-decorator]
    @property
    def energy_adjusted_j(self) -> float | None:
        return self.baseline.above_idle_j(self.energy.energy_j, self.duration_sec)

    @computed_field(description="Raw and adjusted energy with the baseline's origin.")  # type: ignore[prop-decorator]
    @property
    def energy_breakdown(self) -> EnergyBreakdown:
        return EnergyBreakdown(
            raw_j=self.energy.energy_j,
            adjusted_j=self.energy_adjusted_j,
            baseline_power_w=self.baseline.power_w,
            baseline_method=self.baseline.provenance,
            baseline_timestamp=self.baseline.timestamp,
            baseline_cache_age_sec=self.baseline.age_sec,
        )

    @computed_field(description="Joules per output token; None when not measured or nothing was generated.")  # type: ignore[prop-decorator]
    @property
    def energy_per_output_token(self) -> float | None:
        if self.energy.energy_j is None or self.tokens.output_tokens == 0:
            return None
        return self.energy.energy_j / self.tokens.output_tokens

    @property
    def _is_growing(self) -> bool:
        """Whether requests of the window are answered after it, with energy that is not in the window."""
        return self.traffic is not None and self.traffic.growth is not None

    @computed_field(description="Joules per prompt; None when not measured, or if traffic grew.")  # type: ignore[prop-decorator]
    @property
    def energy_per_request(self) -> float | None:
        joules = self.energy.energy_j
        return None if joules is None or self._is_growing else joules / self.tokens.n_prompts

    @computed_field(  # type: ignore[prop-decorator]
        description="Answered requests that were sent in the window, per second of it; None without a server, or if traffic grew."
    )
    @property
    def requests_per_second(self) -> float | None:
        return None if self.traffic is None or self._is_growing else self.traffic.answered / self.duration_sec

    @computed_field(description="Good requests per second of the window; None without limits in `slo`.")  # type: ignore[prop-decorator]
    @property
    def goodput(self) -> float | None:
        return None if self.slo is None else self.slo.good / self.duration_sec

    @computed_field(  # type: ignore[prop-decorator]
        description="Joules in the window per good request; None when not measured, without a good request, or if traffic grew."
    )
    @property
    def energy_per_good_request(self) -> float | None:
        if self.slo is None or self.slo.good == 0 or self.energy.energy_j is None or self._is_growing:
            return None
        return self.energy.energy_j / self.slo.good

    @computed_field(description="Output tokens per second of the window.")  # type: ignore[prop-decorator]
    @property
    def tokens_per_second(self) -> float:
        return self.tokens.output_tokens / self.duration_sec

    @computed_field(description="Prompts that were answered in the window, in all passes.")  # type: ignore[prop-decorator]
    @property
    def n_prompts(self) -> int:
        return self.tokens.n_prompts

    @computed_field(description="Passes over the prompts in the window.")  # type: ignore[prop-decorator]
    @property
    def n_passes(self) -> int:
        return self.tokens.n_passes

    @computed_field(description="Useful input tokens.")  # type: ignore[prop-decorator]
    @property
    def input_tokens(self) -> int:
        return self.tokens.input_tokens

    @computed_field(description="Generated tokens.")  # type: ignore[prop-decorator]
    @property
    def output_tokens(self) -> int:
        return self.tokens.output_tokens

    @computed_field(description="CPU time of the process in the window, in seconds.")  # type: ignore[prop-decorator]
    @property
    def cpu_seconds(self) -> float:
        return self.host.cpu_seconds

    @computed_field(description="Peak memory in the window in MB; None when not known.")  # type: ignore[prop-decorator]
    @property
    def peak_memory_mb(self) -> float | None:
        return self.memory.peak_memory_mb

    @computed_field(description="Memory of the loaded model in MB; None when not known.")  # type: ignore[prop-decorator]
    @property
    def model_memory_mb(self) -> float | None:
        return self.model_info.memory_mb

    @computed_field(  # type: ignore[prop-decorator]
        description="Settings that the engine really used, read back from it under its names; empty when it reports none."
    )
    @property
    def effective_settings(self) -> dict[str, Any]:
        return used_settings(self.model_info)

    @computed_field(description="FLOPs by the PaLM rule; None when the parameter count is unknown.")  # type: ignore[prop-decorator]
    @property
    def flops_total(self) -> int | None:
        return self.flops.value

    @computed_field(description="FLOPs from the architecture; None when it is unknown.")  # type: ignore[prop-decorator]
    @property
    def flops_exact(self) -> int | None:
        return self.flops_architecture.value if self.flops_architecture else None

    @computed_field(description="Prompts of the warm-up, which no metric includes.")  # type: ignore[prop-decorator]
    @property
    def warmup_excluded_samples(self) -> int:
        return self.warmup.prompts_excluded if self.warmup else 0

    @computed_field(  # type: ignore[prop-decorator]
        description="The run of a study; else configuration hash and start time."
    )
    @property
    def experiment_id(self) -> str:
        return self.run_id or f"{self.measurement_config_hash}_{self.started_at}"

    @computed_field(description="The warnings as `code: sentence; remedy`.")  # type: ignore[prop-decorator]
    @property
    def measurement_warnings(self) -> tuple[str, ...]:
        return tuple(map(str, self.warnings))

    def model_dump(self, **how: Any) -> dict[str, Any]:
        """The fields, headlines first. In a serialiser of pydantic an interrupt would become an error of pydantic."""
        fields = super().model_dump(**how)
        headlines = [name for name in type(self).model_computed_fields if name in fields]
        first = ["schema_version", "measurement_config_hash", "duration_sec", *headlines]
        order = [name for name in first if name in fields] + [name for name in fields if name not in first]
        return {name: fields[name] for name in order}

    @classmethod
    def _with_new_fields(cls, data: dict[str, Any]) -> dict[str, Any]:
        """Add warnings to data of release 2.0.0, which wrote only their texts."""
        texts = data.get("measurement_warnings")
        if "warnings" in data or not isinstance(texts, (list, tuple)):
            return data
        return {**data, "warnings": warnings_of_texts(texts)}
