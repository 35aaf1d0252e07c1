"""The blocks of a result: what each instrument, collector and step found.

Every optional field says when it is None. Seconds are monotonic differences, energy is in joules, power in watts,
memory in MB (10^6 bytes), latencies in milliseconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from llenergymeasure.config.meters import METERS
from llenergymeasure.domain.base import Frozen

JOULES_PER_KWH = 3.6e6
EnergyMethod = Literal["counter", "sampled", "estimated", "replayed"]
Confidence = Literal["high", "medium", "low"]


class EnergyDomain(Frozen):
    """One part of the machine that a meter reports on, such as `gpu`, `cpu` or `ram`."""

    name: str
    energy_j: float
    provenance: Literal["measured", "modelled"]
    included: bool = Field(description="Whether it is part of energy_total_j.")
    note: str | None = None


class EnergyReading(Frozen):
    """What a meter says about one window."""

    meter: str = Field(
        description=f"Name of the meter: {', '.join(METERS)} or one's own; null, or none when none was available."
    )
    energy_j: float | None = Field(None, description="Joules in the window; None when not measured, see reason.")
    per_device_j: dict[str, float] | None = Field(None, description="Joules by device uuid; None without devices.")
    method: EnergyMethod | None = Field(None, description="How the joules were got; None when not measured.")
    uncertainty_j: float | None = Field(None, description="Expanded uncertainty (k = 2); None when unknown, see notes.")
    uncertainty_parts_j: dict[str, float] = Field({}, description="Parts of the uncertainty, combined in quadrature.")
    n_readings: int = Field(0, description="Sensor updates seen in the window; of several devices the fewest.")
    update_period_s: float | None = Field(None, description="Median time between sensor updates; None when not seen.")
    domains: tuple[EnergyDomain, ...] = ()
    crosscheck_j: float | None = Field(None, description="The same window by a second method; None without one.")
    crosscheck_uncertainty_j: float | None = Field(
        None, description="Expanded uncertainty (k = 2) of the second method, without the gain that both share."
    )
    reason: str | None = Field(None, description="Why energy_j is None.")
    problems: tuple[str, ...] = Field((), description="What went wrong on the way, each a sentence.")

    @property
    def is_measured(self) -> bool:
        """Whether the joules come from a sensor: not from a model or a record, and not missing."""
        return self.method in ("counter", "sampled")


class MeterChoice(Frozen):
    """Which meter was chosen, and what every probe said."""

    name: str
    reason: str
    probes: dict[str, str] = Field({}, description="Per meter: available, or why not.")


class BaselineResult(Frozen):
    """Idle power of the devices the meter covers."""

    power_w: float | None = Field(None, description="None when not measured, see reason.")
    method: EnergyMethod | None = None
    provenance: Literal["fresh", "cached", "unavailable"]
    timestamp: str | None = Field(None, description="UTC time of the measurement, ISO 8601; None when unavailable.")
    age_sec: float | None = Field(None, description="Age when used; 0 when fresh, None when unavailable.")
    duration_sec: float | None = Field(None, description="Length of the idle window; None when unavailable.")
    when: Literal["before_load", "after_load"] = "before_load"
    reason: str | None = Field(None, description="Why there is no baseline.")
    problems: tuple[str, ...] = ()

    def above_idle_j(self, energy_j: float | None, duration_s: float) -> float | None:
        """Energy less idle power times duration, negative when idle drew more; None without energy or idle power."""
        if energy_j is None or self.power_w is None:
            return None
        return energy_j - self.power_w * duration_s


class EnergyBreakdown(Frozen):
    """Raw and baseline-adjusted energy side by side."""

    raw_j: float | None
    adjusted_j: float | None
    baseline_power_w: float | None
    baseline_method: str | None
    baseline_timestamp: str | None
    baseline_cache_age_sec: float | None


class ModelInfo(Frozen):
    """What was loaded, as it resolved."""

    name: str
    backend: str | None = Field(
        None, description="What generated, when it is not the configuration's backend; None when it is."
    )
    revision: str | None = Field(None, description="Commit hash of the repository; None for a local directory.")
    architecture: str | None = Field(None, description="Model class; None when the backend does not tell.")
    n_parameters: int | None = Field(
        None, description="All parameters, tied ones once, packed ones unpacked; None when they cannot be counted."
    )
    n_matmul_parameters: int | None = Field(
        None,
        description="Parameters used in matrix products per token: no input embedding, output head always; None when "
        "they cannot be counted.",
    )
    n_matmul_parameters_counted: int | None = Field(
        None, description="The same, counted in the loaded modules to check the architecture; None when they cannot be."
    )
    adapter_parameters: int | None = Field(
        0, description="Of an adapter that was not merged: sum of r (in + out); None when it is not plain LoRA."
    )
    parameters_reason: str | None = Field(None, description="Why a number of parameters is None.")
    random_weights: bool = False
    n_unexpected_weights: int = Field(
        0, description="Tensors of the checkpoint and of the adapter that have no place in the model."
    )
    unexpected_weights: tuple[str, ...] = Field((), description="The first names of these tensors.")
    device: str = Field(description="cuda or cpu.")
    devices: tuple[str, ...] = Field(
        (),
        description="Every device that holds or computes a part of the model, such as cuda:0; disk for offloaded parts.",
    )
    dtype: str | None = None
    attn_implementation: str | None = None
    batch_size: int = 1
    quantization: str | None = Field(None, description="None when weights are not quantised.")
    effective_settings: dict[str, Any] = Field(
        {},
        description="What generation used, read back from the backend: every setting that had an effect, by the backend's "
        "name. Empty when the backend does not say.",
    )
    model_generation_defaults: dict[str, Any] = Field(
        {},
        description="Of these, what the model's own files chose, neither configured nor the backend's default.",
    )
    memory_mb: float | None = Field(None, description="Held after loading, in MB; None where it is not known.")
    load_seconds: float | None = Field(None, description="None when the backend does not tell.")
    max_positions: int | None = Field(
        None,
        description="Positions that the model was made for; None when its configuration states no limit, or the backend does "
        "not tell.",
    )
    notes: tuple[str, ...] = Field((), description="What the user should know about how it was loaded.")


class TokenCounts(Frozen):
    """Tokens of the window, by attention mask and generated ids; padding never counts."""

    n_prompts: int
    input_tokens: int = Field(description="Useful input tokens.")
    input_tokens_padded: int = Field(description="Input tokens executed, padding included.")
    output_tokens: int = Field(description="Generated tokens, end-of-sequence included.")
    output_tokens_requested: int = Field(description="Prompts times max_output_tokens.")
    ended_early_share: float = Field(description="Share of prompts (0 to 1) that ended before max_output_tokens.")
    truncated_prompts: int = Field(description="Prompts cut to max_input_tokens.")
    longest_sequence: int | None = Field(
        None, description="Tokens of the longest prompt and its output together; None in a file of release 2.0.0."
    )
    double_bos_prompts: int = Field(0, description="Prompts that begin with the beginning-of-sequence token twice.")
    output_tokens_per_prompt: tuple[int, ...] = Field((), description="In dataset order.")


class Distribution(Frozen):
    """Percentiles of a sample in milliseconds, by linear interpolation between order statistics."""

    count: int
    mean_ms: float
    std_ms: float | None = Field(None, description="Sample standard deviation; None with one sample.")
    min_ms: float
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float


Weight = Annotated[int, Field(ge=1, le=2**40)]  # the sum of millions stays a number of 64 bits


class LatencyResult(Frozen):
    """Latencies of the window's requests, each from the start of its batch's `generate`."""

    request: Distribution = Field(description="Until the request's own last token; of its batch under beam search.")
    ttft: Distribution | None = Field(None, description="Time to first token; None when steps were not seen.")
    itl: Distribution | None = Field(None, description="Inter-token latency; None when no request got a second token.")
    request_ms: tuple[float, ...] = Field((), description="Samples in dataset order.")
    ttft_ms: tuple[float, ...] = Field((), description="Samples in dataset order.")
    itl_ms: tuple[float, ...] = Field((), description="One sample per decode step.")
    itl_weights: tuple[Weight, ...] = Field((), description="Tokens (one per running request) that share each sample.")

    @model_validator(mode="after")
    def _each_sample_has_its_weight(self) -> LatencyResult:
        if len(self.itl_weights) != len(self.itl_ms):
            raise ValueError(f"itl_ms has {len(self.itl_ms)} samples, itl_weights {len(self.itl_weights)}")
        return self


class PhaseTimes(Frozen):
    """Seconds of the window spent in prefill and in decode, summed over batches."""

    prefill_sec: float
    decode_sec: float
    other_sec: float = Field(description="Window seconds outside both, between batches and before the edges.")


class RunPhase(Frozen):
    """One step of a run: idle, load, warmup, floor, meter (it opens) or window."""

    name: str
    start_s: float = Field(description="Seconds from the start of the window; negative before it.")
    end_s: float = Field(description="Seconds from the start of the window.")


class BatchTimes(Frozen):
    """One batch of the window, in seconds from the window's start."""

    start_s: float
    first_token_s: float | None = Field(None, description="End of prefill; None when steps were not seen.")
    end_s: float


class Timeline(Frozen):
    """When each step of the run and each batch of the window took place."""

    phases: tuple[RunPhase, ...] = Field((), description="From the start of the experiment to the end of the window.")
    batches: tuple[BatchTimes, ...] = Field((), description="In the order in which they ran.")


class PhaseEnergy(Frozen):
    """The window's energy split between prefill and decode, by least squares over the sensor's updates."""

    prefill_j: float | None = Field(None, description="None when the phases are too short to tell, see reason.")
    decode_j: float | None = Field(None, description="The rest of energy_total_j; None when prefill_j is.")
    uncertainty_j: float | None = Field(
        None, description="Joules (k = 2) that may belong to the other phase; the window's own uncertainty is apart."
    )
    reason: str | None = Field(None, description="Why the split is None.")


class MemoryResult(Frozen):
    """Memory of the devices that hold the model, or of the process on a CPU."""

    peak_memory_mb: float | None = Field(None, description="Peak inside the window; None where it cannot be reset.")
    source: str = Field(description="cuda_allocated, process_rss, or why it is unknown.")
    scope: Literal["devices", "process"] | None = Field(
        None, description="Whose memory it is: the devices' or the whole process's; None where source says why."
    )


class HostResult(Frozen):
    """What the host did during the window."""

    cpu_seconds: float = Field(description="User and system time of this process and its children.")
    instrument_cpu_seconds: float | None = Field(
        None, description="The part of cpu_seconds that the sampler used; None without one."
    )
    load_average_1m: float | None = Field(None, description="None where the system has no load average.")
    cpu_steal_share: float | None = Field(None, description="Share (0 to 1) of CPU time stolen; None off Linux.")
    other_cpu_share: float | None = Field(None, description="Share (0 to 1) of all CPUs used by other processes.")
    threads: int | None = Field(None, description="Intra-op threads of the backend; None when it does not tell.")
    omp_num_threads: str | None = Field(None, description="OMP_NUM_THREADS; None when unset.")


class FlopsResult(Frozen):
    """Floating point operations of the window: reference data, warm-up excluded."""

    value: int | None = Field(None, description="None when the architecture or the parameter count is unknown.")
    method: Literal["palm", "architecture"]
    confidence: Confidence
    precision: str
    notes: str
    flops_prefill: int | None = None
    flops_decode: int | None = None
    flops_useful: int | None = Field(None, description="The part spent on real tokens; None when not separated.")


class CompilationResult(Frozen):
    """What was compiled inside the window, where nothing should be."""

    count: int = Field(description="Compilations and recorded CUDA graphs.")
    seconds: float = Field(description="How long they took.")


class WarmupResult(Frozen):
    """What ran before the window."""

    converged: bool | None = Field(None, description="None without convergence detection.")
    final_cv: float | None = Field(None, description="Coefficient of variation at the end; None when not taken.")
    iterations_completed: int
    target_cv: float
    max_prompts: int
    latencies_ms: tuple[float, ...]
    duration_sec: float
    thermal_floor_wait_s: float
    prompts_excluded: int = Field(description="Prompts run and left out of every number.")
    shapes: int | None = Field(
        None, description="Distinct shapes of the window that were met; None where nothing is compiled."
    )
    shapes_sec: float | None = Field(None, description="How long that took; None where nothing is compiled.")
    compilations: int | None = Field(None, description="None when the backend does not report them.")
    compiling_sec: float = Field(0.0, description="How long these took.")


class MultiGpu(Frozen):
    """How an experiment used several devices."""

    devices: tuple[str, ...]
    strategy: Literal["device_map", "data_parallel"]
    energy_per_device_j: dict[str, float] | None = None


class CarbonEstimate(Frozen):
    """Grams of CO2 equivalent of the window's energy."""

    gco2: float = Field(description="energy_j / 3.6e6 x PUE x intensity.")
    carbon_intensity_gco2_kwh: float
    datacenter_pue: float


def carbon_of(energy_j: float | None, intensity_gco2_kwh: float | None, pue: float) -> CarbonEstimate | None:
    """Estimate the carbon of an energy; None without energy or without an intensity."""
    if energy_j is None or intensity_gco2_kwh is None:
        return None
    gco2 = energy_j / JOULES_PER_KWH * pue * intensity_gco2_kwh
    return CarbonEstimate(gco2=gco2, carbon_intensity_gco2_kwh=intensity_gco2_kwh, datacenter_pue=pue)
