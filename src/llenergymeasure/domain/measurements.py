"""The blocks of a result other than energy, as filled by the loader, collectors and steps of the run.

Every optional field states when it is None. Seconds are monotonic differences, memory is in MB (10^6 bytes), latencies are
in milliseconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from llenergymeasure.domain.base import Frozen

Confidence = Literal["high", "medium", "low"]


class ModelInfo(Frozen):
    """The loaded model."""

    name: str
    backend: str | None = Field(
        None, description="Name of the engine that generated; None when it is the configuration's backend."
    )
    revision: str | None = Field(None, description="Commit hash of the repository; None for a local directory.")
    architecture: str | None = Field(None, description="Model class; None when the backend does not report it.")
    n_parameters: int | None = Field(
        None, description="All parameters, tied ones counted once, packed ones unpacked; None when not countable."
    )
    n_matmul_parameters: int | None = Field(
        None,
        description="Parameters in matrix products per token, without the input embedding and with the output head; None "
        "when not countable.",
    )
    n_matmul_parameters_counted: int | None = Field(
        None,
        description="The same number, counted in the loaded modules to check the architecture; None when not countable.",
    )
    adapter_parameters: int | None = Field(
        0,
        description="Parameters of an unmerged adapter: sum of r (in + out); None when it is not plain LoRA, or the "
        "backend does not report it.",
    )
    parameters_reason: str | None = Field(None, description="Why a number of parameters is None.")
    random_weights: bool = False
    n_unexpected_weights: int = Field(
        0, description="Number of tensors of the checkpoint and of the adapter that the model does not use."
    )
    unexpected_weights: tuple[str, ...] = Field((), description="The first names of these tensors.")
    device: str = Field(description="cuda or cpu.")
    devices: tuple[str, ...] = Field(
        (),
        description="Every device that holds or computes a part of the model, such as cuda:0; disk for offloaded parts.",
    )
    dtype: str | None = None
    attn_implementation: str | None = None
    batch_size: int | None = Field(
        None,
        description="Most prompts per static batch; None for an engine that schedules requests by itself, or that does not "
        "report it.",
    )
    max_num_seqs: int | None = Field(
        None, description="Most requests that the engine runs at the same time; None for an engine with static batches."
    )
    quantization: str | None = Field(None, description="None when weights are not quantised.")
    effective_settings: dict[str, Any] = Field(
        {},
        description="Settings with an effect on generation, as reported by the backend under its names. Empty when the "
        "backend does not report them.",
    )
    model_generation_defaults: dict[str, Any] = Field(
        {},
        description="The effective settings that come from the model's files, not from the configuration or the backend's default.",
    )
    memory_mb: float | None = Field(
        None, description="Memory of the model after loading in MB, without a draft model; None when not known."
    )
    load_seconds: float | None = Field(None, description="None when the backend does not report it.")
    max_positions: int | None = Field(
        None,
        description="Positions that the model supports; None when its configuration states no limit, or the backend does "
        "not report it.",
    )
    notes: tuple[str, ...] = Field((), description="Notes for the user about how the model was loaded.")


class TokenCounts(Frozen):
    """Tokens of the window, counted by attention mask and generated ids, without padding. All passes are counted."""

    n_prompts: int = Field(
        description="Prompts that were answered: the prompts of the dataset times `n_passes`; under traffic, the answered requests "
        "that were sent in the window."
    )
    n_passes: int = Field(1, ge=1, description="Passes over the prompts; 1 without `min_duration_seconds`.")
    input_tokens: int = Field(
        description="Useful input tokens; under traffic, those of the requests whose first token lies in the window."
    )
    input_tokens_padded: int | None = Field(
        None, description="Input tokens executed, padding included; None for an engine without static batches."
    )
    output_tokens: int = Field(
        description="Generated tokens, end-of-sequence included; under traffic, all tokens that were generated in the window, also "
        "of requests that began before it or ended after it."
    )
    output_tokens_requested: int = Field(description="`n_prompts` times max_output_tokens.")
    ended_early_share: float = Field(description="Share of prompts (0 to 1) that ended before max_output_tokens.")
    truncated_prompts: int = Field(description="Prompts cut to max_input_tokens.")
    longest_sequence: int | None = Field(
        None, description="Largest number of tokens of a prompt with its output; None in a file of release 2.0.0."
    )
    double_bos_prompts: int = Field(0, description="Prompts that begin with the beginning-of-sequence token twice.")
    output_tokens_per_prompt: tuple[int, ...] = Field(
        (),
        description="In dataset order, pass after pass; under traffic, of the counted requests in the order of sending.",
    )

    @property
    def output_tokens_per_request(self) -> float:
        """Mean of the answered requests. Under traffic, `output_tokens` includes tokens of requests at the edges of the window."""
        lengths = self.output_tokens_per_prompt
        return sum(lengths) / len(lengths) if lengths else self.output_tokens / self.n_prompts


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


Weight = Annotated[int, Field(ge=1, le=2**40)]  # so that the sum of millions of weights fits 64 bits


class LatencyResult(Frozen):
    """Latencies of the window's requests, each from the moment at which the engine began to work on it.

    In a static batch this is the start of `generate`. For a server it is the sending of the request, and the requests are those
    that were sent in the window and answered; their samples are in the order of sending.
    """

    request: Distribution = Field(
        description="Time until the request's last token; under beam search until the end of its batch."
    )
    ttft: Distribution | None = Field(
        None, description="Time to first token; None when the backend does not report the time of a first token."
    )
    itl: Distribution | None = Field(
        None,
        description="Inter-token latency; None when no request had a second token, or the backend does not report the "
        "times of its tokens.",
    )
    queue: Distribution | None = Field(
        None,
        description="Time from the arrival of a request to the start of the work on it; None without a queue, and for a server.",
    )
    request_ms: tuple[float, ...] = Field((), description="Samples in dataset order, pass after pass.")
    ttft_ms: tuple[float, ...] = Field((), description="Samples in dataset order, pass after pass.")
    queue_ms: tuple[float, ...] = Field((), description="Samples in dataset order, pass after pass.")
    itl_ms: tuple[float, ...] = Field((), description="One sample per decode step.")
    itl_weights: tuple[Weight, ...] = Field((), description="Tokens (one per running request) with this latency.")

    @model_validator(mode="after")
    def _each_sample_has_its_weight(self) -> LatencyResult:
        if len(self.itl_weights) != len(self.itl_ms):
            raise ValueError(f"itl_ms has {len(self.itl_ms)} samples, itl_weights {len(self.itl_weights)}")
        return self


class PhaseTimes(Frozen):
    """Seconds of the window spent in prefill and in decode."""

    prefill_sec: float = Field(description="Seconds in which at least one request was in prefill.")
    decode_sec: float = Field(description="Seconds in which at least one request was in decode, and none in prefill.")
    other_sec: float = Field(description="Seconds of the window in neither phase: between batches and at the edges.")


class MemoryResult(Frozen):
    """Memory of the devices that hold the model, or of the process on a CPU."""

    peak_memory_mb: float | None = Field(
        None, description="Peak in the window; None when the peak counter cannot be reset."
    )
    source: str = Field(description="cuda_allocated, process_rss, or why the peak is unknown.")
    scope: Literal["devices", "process"] | None = Field(
        None, description="Memory of the devices or of the whole process; None when unknown, see source."
    )


class HostResult(Frozen):
    """CPU time and load of the host during the window."""

    cpu_seconds: float = Field(
        description="User and system time of this process, its children and the measured server."
    )
    instrument_cpu_seconds: float | None = Field(
        None, description="The part of cpu_seconds that the sampler used; None without one."
    )
    load_average_1m: float | None = Field(None, description="None when the system has no load average.")
    cpu_steal_share: float | None = Field(
        None, description="Share (0 to 1) of CPU time that the hypervisor took; None outside Linux."
    )
    other_cpu_share: float | None = Field(None, description="Share (0 to 1) of all CPUs used by other processes.")
    other_cpu_seconds: float | None = Field(None, description="CPU time of other processes; None outside Linux.")
    threads: int | None = Field(None, description="Intra-op threads of the backend; None when not reported.")
    omp_num_threads: str | None = Field(None, description="OMP_NUM_THREADS; None when unset.")

    @property
    def other_share_of_used(self) -> float | None:
        """Share (0 to 1) of the used CPU time that other processes used; None outside Linux, or when none was used."""
        if self.other_cpu_seconds is None or self.other_cpu_seconds + self.cpu_seconds == 0:
            return None
        return self.other_cpu_seconds / (self.other_cpu_seconds + self.cpu_seconds)


class FlopsResult(Frozen):
    """Floating point operations of the window, without the warm-up."""

    value: int | None = Field(None, description="None when the architecture or the parameter count is unknown.")
    method: Literal["palm", "architecture"]
    confidence: Confidence
    precision: str | None = Field(
        None, description="Number format of the model; None for a server, which has its own and does not report it."
    )
    notes: str
    flops_prefill: int | None = None
    flops_decode: int | None = None
    flops_useful: int | None = Field(None, description="Operations on tokens without padding; None when not separated.")


class CompilationResult(Frozen):
    """Compilations inside the window; there should be none."""

    count: int = Field(description="Compilations and recorded CUDA graphs.")
    seconds: float = Field(description="Their duration.")


class SchedulerResult(Frozen):
    """The scheduler of an engine that batches requests by itself, in the window."""

    preemptions: int = Field(
        description="How often a running request was stopped because the KV cache was full; its tokens are computed again."
    )
    kv_cache_peak_share: float = Field(
        description="Largest share (0 to 1) of the KV cache in use after a step, without the requests that ended in it: 0 when "
        "all of them ended in their first step."
    )
    kv_cache_tokens: int | None = Field(None, description="Size of the KV cache in tokens; None when not reported.")
    kv_cache_mb: float | None = Field(
        None, description="Size of the KV cache of one device in MB; None when other processes hold it."
    )
    cached_tokens: int = Field(0, description="Input tokens that the prefix cache had, and that were not computed.")
    prefix_cache_hit_rate: float | None = Field(
        None, description="Share (0 to 1) of the input tokens that the prefix cache had; None when it is off."
    )


class WarmupResult(Frozen):
    """The warm-up before the window."""

    converged: bool | None = Field(None, description="None without convergence detection.")
    final_cv: float | None = Field(None, description="Coefficient of variation at the end; None when not computed.")
    iterations_completed: int
    target_cv: float
    max_prompts: int
    latencies_ms: tuple[float, ...]
    duration_sec: float
    thermal_floor_wait_s: float
    prompts_excluded: int = Field(description="Prompts of the warm-up, which no metric includes.")
    shapes: int | None = Field(
        None,
        description="Distinct tensor shapes of the window that ran in the warm-up; None when nothing is compiled.",
    )
    shapes_sec: float | None = Field(None, description="Duration of these runs; None when nothing is compiled.")
    compilations: int | None = Field(None, description="None when the backend does not report them.")
    compiling_sec: float | None = Field(
        None, description="Duration of these compilations; None when the backend does not report them."
    )


class MultiGpu(Frozen):
    """How an experiment used several devices."""

    devices: tuple[str, ...]
    strategy: Literal[
        "device_map", "data_parallel", "tensor_parallel", "pipeline_parallel", "tensor_and_pipeline_parallel"
    ]
    energy_per_device_j: dict[str, float] | None = None
