"""A draft of a result without a reason for a warning, in which every publication rule is kept."""

from __future__ import annotations

from fakes import a_snapshot
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.quality.judgement import UNJUDGED
from llenergymeasure.domain.dataset import DatasetInfo
from llenergymeasure.domain.energy import BaselineResult, EnergyReading, MeterChoice
from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.domain.measurements import (
    FlopsResult,
    HostResult,
    MemoryResult,
    ModelInfo,
    TokenCounts,
    WarmupResult,
)
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.sensors import GpuConditions, SamplerReport, ThermalThrottleInfo

CONFIG = ExperimentConfig(model="org/m", pytorch={"revision": "abc"})
TOKENS = TokenCounts(
    n_prompts=100, input_tokens=1000, input_tokens_padded=1000, output_tokens=12800, output_tokens_requested=12800,
    ended_early_share=0.0, truncated_prompts=0,
)  # fmt: skip
ENERGY = EnergyReading(
    meter="nvml", energy_j=1000.0, method="counter", uncertainty_j=50.0, crosscheck_j=990.0, n_readings=900
)
WARMUP = WarmupResult(
    converged=True, final_cv=0.02, iterations_completed=5, target_cv=0.05, max_prompts=50, latencies_ms=(1.0,) * 5,
    duration_sec=1.0, thermal_floor_wait_s=60.0, prompts_excluded=5,
)  # fmt: skip
REPORT = SamplerReport(n_samples=1800, interval_s=0.05, gaps=0, overruns=0)
QUIET = ThermalThrottleInfo(detected=False)
CONDITIONS = GpuConditions(gpu_index=0, clock_mean_mhz=1980.0, temperature_start_c=60.0, temperature_end_c=62.0)
GPU = dict(
    index=0, name="H100", uuid="GPU-1", persistence_mode=True, ecc_enabled=True, mig_enabled=False, power_limit_w=700.0
)


def a_draft(**changes) -> ExperimentResult:
    """The draft, with changes of its fields; `gpu` changes fields of its only GPU."""
    gpu = GpuInfo(**{**GPU, **changes.pop("gpu", {})})
    values = dict(
        tool_version="2.0.0",
        started_at="2026-01-02T03:04:05.000+00:00",
        finished_at="2026-01-02T03:06:05.000+00:00",
        config=CONFIG,
        measurement_config_hash=CONFIG.config_hash,
        measurement_methodology="steady_state",
        duration_sec=90.0,
        meter=MeterChoice(name="nvml", reason="asked for"),
        energy=ENERGY,
        baseline=BaselineResult(power_w=5.0, provenance="fresh", age_sec=0.0),
        model_info=ModelInfo(name="org/m", device="cuda", revision="abcdef"),
        dataset=DatasetInfo(name="d", source="jsonl", sha256="0" * 64, n_available=100, n_used=100),
        environment_snapshot=a_snapshot().model_copy(update={"gpus": (gpu,)}),
        tokens=TOKENS,
        memory=MemoryResult(source="cuda_allocated"),
        host=HostResult(cpu_seconds=10.0, other_cpu_share=0.01, cpu_steal_share=0.0),
        flops=FlopsResult(value=1, method="palm", confidence="high", precision="bf16", notes=""),
        warmup=WARMUP,
        sampler=REPORT,
        thermal_throttle=QUIET,
        gpu_conditions=(CONDITIONS,),
        foreign_processes=(),
    )
    return ExperimentResult(**{**values, **changes}, **UNJUDGED)


# What the sampler fills, where there are no sensors.
UNSEEN = dict.fromkeys(("sampler", "thermal_throttle", "gpu_conditions", "foreign_processes"))


def update(model, **fields):
    """A copy of a block with changes."""
    return model.model_copy(update=fields)
