"""The section `vllm`. Values are those of vLLM 0.32; what an attention kernel or a GPU supports, vLLM checks at loading."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from typing_extensions import Self

from llenergymeasure.config.base import ConfigModel, ContradictionError, Flag, Integer, Number, effective

# Of `QuantizationMethods` of vLLM: formats of checkpoints, and those that vLLM quantises to while it loads.
Quantization = Literal[
    "awq", "awq_marlin", "gptq", "gptq_marlin", "fp8", "compressed-tensors", "modelopt", "modelopt_fp4", "quark",
    "torchao", "inc", "mxfp4", "experts_int8", "moe_wna16", "fp8_per_tensor", "fp8_per_channel", "fp8_per_block",
    "int8_per_channel_weight_only", "mxfp8",
]  # fmt: skip
# Of `AttentionBackendEnum` of vLLM, without those that only one model uses.
AttentionBackend = Literal[
    "FLASH_ATTN", "FLASHINFER", "TRITON_ATTN", "TRITON_FLASHINFER", "FLEX_ATTENTION", "TURBOQUANT", "FLASH_ATTN_MLA",
    "FLASHINFER_MLA", "FLASHMLA", "CUTLASS_MLA", "TRITON_MLA", "ROCM_ATTN", "ROCM_AITER_FA", "ROCM_AITER_UNIFIED_ATTN",
    "CPU_ATTN", "CPU_MLA", "AMX_MLA",
]  # fmt: skip
KVCacheDtype = Literal["auto", "float16", "bfloat16", "fp8", "fp8_e4m3", "fp8_e5m2", "nvfp4"]

# Names that vLLM uses for declared fields, and what this package sets itself.
CALL_NAMES = frozenset(
    {
        "dtype", "seed", "max_tokens", "min_tokens", "spec_model", "spec_tokens", "spec_method", "speculative_config",
        "disable_log_stats", "prompts", "sampling_params", "lora_request", "use_tqdm", "output_kind",
    }
)  # fmt: skip


class SpeculativeConfig(ConfigModel):
    """Speculative decoding of vLLM."""

    model: str = Field(
        min_length=1,
        description="Draft model or EAGLE head (model id or local directory), or `ngram`: tokens that followed in the prompt.",
    )
    num_tokens: Integer = Field(ge=1, description="Number of tokens that the draft model proposes per step.")


class VLLMConfig(ConfigModel):
    """Settings of the vLLM backend."""

    max_num_seqs: Integer | None = Field(
        None,
        ge=1,
        description="Maximum number of prompts that vLLM works on at the same time.",
        json_schema_extra=effective("vLLM's choice: 256, or 1024 on a GPU of 70 GiB and more"),
    )
    max_num_batched_tokens: Integer | None = Field(
        None,
        ge=1,
        description="Maximum number of tokens of all prompts in one step.",
        json_schema_extra=effective("vLLM's choice: 4096 on a CPU, 8192 or 16384 on a GPU"),
    )
    max_model_len: Integer | None = Field(
        None,
        ge=1,
        description="Maximum length of a prompt with its output, in tokens.",
        json_schema_extra=effective("the model's own limit"),
    )
    gpu_memory_utilization: Number | None = Field(
        None, gt=0, le=1, description="Share of GPU memory vLLM may take (0 to 1).", json_schema_extra=effective("0.92")
    )
    tensor_parallel_size: Integer | None = Field(
        None, ge=1, description="GPUs over which each layer is split.", json_schema_extra=effective("1")
    )
    pipeline_parallel_size: Integer | None = Field(
        None, ge=1, description="GPUs over which the layers are distributed.", json_schema_extra=effective("1")
    )
    enable_prefix_caching: Flag | None = Field(
        None,
        description="Share the cache of common prompt prefixes. With it, repeated prompts measure the cache.",
        json_schema_extra=effective("false"),
    )
    enable_chunked_prefill: Flag | None = Field(
        None,
        description="Split the prefill of long prompts into several steps.",
        json_schema_extra=effective("true where the model supports it"),
    )
    block_size: Literal[8, 16, 32, 64, 128, 256] | None = Field(
        None,
        description="Tokens per block of the KV cache. On a CPU, a multiple of 32.",
        json_schema_extra=effective("16; 128 on a CPU"),
    )
    kv_cache_dtype: KVCacheDtype | None = Field(
        None, description="Number format of the KV cache.", json_schema_extra=effective("auto: that of the model")
    )
    quantization: Quantization | None = Field(
        None,
        description="Format of quantised weights. fp8_per_*, mxfp8 and int8_per_* quantise the weights of a checkpoint while "
        "they are loaded.",
        json_schema_extra=effective("what the model's configuration says"),
    )
    enforce_eager: Flag | None = Field(
        None,
        description="Do not compile the model and record no CUDA graphs.",
        json_schema_extra=effective("false"),
    )
    load_format: Literal["auto", "dummy"] | None = Field(
        None,
        description="auto: load the weights. dummy: random weights, which vLLM draws; only the configuration and the "
        "tokenizer are downloaded, and the result has a warning.",
        json_schema_extra=effective("auto; dummy for built-in models"),
    )
    attention_backend: AttentionBackend | None = Field(
        None,
        description="Attention kernel by vLLM's name.",
        json_schema_extra=effective("vLLM's choice for the device"),
    )
    enable_lora: Flag | None = Field(
        None,
        description="Load the model with the layers for LoRA adapters, also without an adapter.",
        json_schema_extra=effective("true with `lora`, else false"),
    )
    revision: str | None = Field(
        None,
        min_length=1,
        description="Branch, tag or commit of the model repository.",
        json_schema_extra=effective("main"),
    )
    trust_remote_code: Flag | None = Field(
        None, description="Run code that comes with the model repository.", json_schema_extra=effective("false")
    )
    speculative: SpeculativeConfig | None = Field(
        None, description="Speculative decoding with a draft model.", json_schema_extra=effective("off")
    )

    @model_validator(mode="after")
    def _sizes_agree(self) -> Self:
        """The rules of `SchedulerConfig.verify_max_model_len` of vLLM."""
        tokens = self.max_num_batched_tokens
        if tokens is None:
            return self
        if self.max_num_seqs is not None and tokens < self.max_num_seqs:
            problem = f"max_num_batched_tokens {tokens} is below max_num_seqs {self.max_num_seqs}"
            raise ContradictionError(problem, "raise it or lower max_num_seqs", "max_num_batched_tokens")
        if self.enable_chunked_prefill is False and self.max_model_len is not None and tokens < self.max_model_len:
            limit = f"max_model_len {self.max_model_len}"
            problem = f"without chunked prefill, max_num_batched_tokens {tokens} may not be below {limit}"
            fix = "raise it, or set enable_chunked_prefill: true"
            raise ContradictionError(problem, fix, "max_num_batched_tokens", "enable_chunked_prefill")
        return self

    # What None means for the settings that this package applies itself; the descriptions state the same.

    @property
    def effective_prefix_caching(self) -> bool:
        """Whether the cache of common prefixes is shared."""
        return self.enable_prefix_caching is True

    @property
    def effective_tensor_parallel_size(self) -> int:
        """GPUs over which each layer is split."""
        return self.tensor_parallel_size or 1

    @property
    def effective_pipeline_parallel_size(self) -> int:
        """GPUs over which the layers are distributed."""
        return self.pipeline_parallel_size or 1

    @property
    def gpus(self) -> int:
        """GPUs that one copy of the model uses."""
        return self.effective_tensor_parallel_size * self.effective_pipeline_parallel_size

    @property
    def effective_num_processes(self) -> int:
        """Data-parallel processes: always one, which starts the processes of tensor and pipeline parallelism itself."""
        return 1
