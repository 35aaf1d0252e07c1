"""The section `pytorch`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator
from typing_extensions import Self

from llenergymeasure.config.base import ConfigModel, ContradictionError, Flag, Integer, effective

TorchDtypeName = Literal["float32", "float16", "bfloat16"]
Quantization = Literal["4bit", "8bit"]
BatchingStrategy = Literal["static", "dynamic"]
DeviceChoice = Literal["auto", "cuda", "cpu"]

# Names that transformers uses for declared fields; setting both would be a contradiction.
CALL_NAMES = frozenset(
    {
        "max_new_tokens", "min_new_tokens", "max_length", "min_length", "do_sample", "assistant_model", "dtype",
        "torch_dtype", "quantization_config", "input_ids", "attention_mask", "stopping_criteria", "streamer",
        "return_dict_in_generate", "num_return_sequences", "pretrained_model_name_or_path",
    }
)  # fmt: skip


class PyTorchConfig(ConfigModel):
    """Settings of the PyTorch (transformers) backend."""

    batch_size: Integer | None = Field(
        None, ge=1, description="Prompts per `generate` call.", json_schema_extra=effective("1")
    )
    batching_strategy: BatchingStrategy | None = Field(
        None,
        description="How prompts are grouped. static: in dataset order. dynamic: by token length, which saves padding.",
        json_schema_extra=effective("static"),
    )
    device: DeviceChoice | None = Field(
        None,
        description="Device. auto: CUDA if available, else the CPU with a warning.",
        json_schema_extra=effective("auto"),
    )
    device_map: str | dict[str, str | int] | None = Field(
        None,
        description="Placement of layers, passed to `from_pretrained` (auto, balanced, sequential or a mapping).",
        json_schema_extra=effective("the whole model on the first device"),
    )
    max_memory: dict[str | int, str | int] | None = Field(
        None,
        description="Memory limit per device for `device_map`, such as {0: 20GiB, cpu: 60GiB}.",
        json_schema_extra=effective("no limit"),
    )
    num_processes: Integer | None = Field(
        None, ge=1, description="Number of data-parallel processes, one per device.", json_schema_extra=effective("1")
    )
    attn_implementation: Literal["sdpa", "eager", "flash_attention_2", "flash_attention_3"] | None = Field(
        None, description="Attention kernel.", json_schema_extra=effective("what transformers chooses, normally sdpa")
    )
    torch_compile: Flag | None = Field(
        None,
        description="Compile the model's forward pass. The warm-up then runs every shape of the window.",
        json_schema_extra=effective("false"),
    )
    torch_compile_mode: Literal["default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"] | None = (
        Field(None, description="Mode of `torch.compile`; needs torch_compile.", json_schema_extra=effective("default"))
    )
    torch_compile_backend: str | None = Field(
        None,
        min_length=1,
        description="Backend of `torch.compile`; needs torch_compile.",
        json_schema_extra=effective("inductor"),
    )
    load_format: Literal["auto", "dummy"] | None = Field(
        None,
        description="auto: load the weights. dummy: draw random weights from `random_seed`; only the configuration and the "
        "tokenizer are downloaded, and the result has a warning.",
        json_schema_extra=effective("auto; dummy for built-in models"),
    )
    load_in_4bit: Flag | None = Field(
        None, description="Quantise weights to 4 bit with bitsandbytes.", json_schema_extra=effective("false")
    )
    load_in_8bit: Flag | None = Field(
        None, description="Quantise weights to 8 bit with bitsandbytes.", json_schema_extra=effective("false")
    )
    bnb_4bit_compute_dtype: TorchDtypeName | None = Field(
        None, description="Compute type of 4-bit layers; needs load_in_4bit.", json_schema_extra=effective("float32")
    )
    bnb_4bit_quant_type: Literal["nf4", "fp4"] | None = Field(
        None, description="4-bit data type; needs load_in_4bit.", json_schema_extra=effective("fp4")
    )
    bnb_4bit_use_double_quant: Flag | None = Field(
        None,
        description="Quantise the quantisation constants too; needs load_in_4bit.",
        json_schema_extra=effective("false"),
    )
    use_cache: Flag | None = Field(
        None, description="Keep keys and values between steps.", json_schema_extra=effective("true")
    )
    cache_implementation: Literal["static", "offloaded_static", "sliding_window"] | None = Field(
        None,
        description="Kind of KV cache; not with use_cache: false. Static caches make transformers compile the decode "
        "step on CUDA.",
        json_schema_extra=effective("a dynamic cache"),
    )
    prompt_lookup_num_tokens: Integer | None = Field(
        None,
        ge=1,
        description="Number of tokens that prompt lookup decoding proposes per step; needs batch_size 1.",
        json_schema_extra=effective("off"),
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

    @field_validator("max_memory")
    @classmethod
    def _digits_name_a_device(cls, value: dict[str | int, str | int] | None) -> dict[str | int, str | int] | None:
        """Keys of digits become numbers: JSON has text keys only, so a saved result holds `"0"` for the first device."""
        if value is None:
            return None
        return {int(key) if isinstance(key, str) and key.isdecimal() else key: limit for key, limit in value.items()}

    @model_validator(mode="after")
    def _dependent_settings_have_what_they_need(self) -> Self:
        if self.load_in_4bit and self.load_in_8bit:
            raise ContradictionError("load_in_4bit and load_in_8bit exclude each other", "keep one", "load_in_4bit")
        self._need("torch_compile", "torch_compile_mode", "torch_compile_backend")
        self._need("load_in_4bit", "bnb_4bit_compute_dtype", "bnb_4bit_quant_type", "bnb_4bit_use_double_quant")
        if self.cache_implementation is not None and not self.effective_use_cache:
            problem = f"cache_implementation '{self.cache_implementation}' needs a cache"
            raise ContradictionError(problem, "remove it or set use_cache: true", "cache_implementation", "use_cache")
        if self.load_format == "dummy" and (self.device_map is not None or self.load_in_4bit or self.load_in_8bit):
            problem = "load_format dummy creates unquantised weights on one device"
            raise ContradictionError(problem, "remove device_map and load_in_*", "load_format")
        if self.max_memory is not None and self.device_map is None:
            raise ContradictionError(
                "max_memory limits what device_map places", "set device_map: auto as well", "max_memory"
            )
        return self

    # What None means for the settings that this package applies itself; the descriptions state the same.

    @property
    def effective_batch_size(self) -> int:
        """Prompts per `generate` call."""
        return self.batch_size or 1

    @property
    def effective_batching_strategy(self) -> BatchingStrategy:
        """How prompts are grouped."""
        return self.batching_strategy or "static"

    @property
    def effective_device(self) -> DeviceChoice:
        """Where to run."""
        return self.device or "auto"

    @property
    def effective_num_processes(self) -> int:
        """Data-parallel processes."""
        return self.num_processes or 1

    @property
    def effective_use_cache(self) -> bool:
        """Whether keys and values are kept between steps."""
        return self.use_cache is not False

    @property
    def quantization(self) -> Quantization | None:
        """Weight format that bitsandbytes produces; None without quantisation by bitsandbytes."""
        return "4bit" if self.load_in_4bit else "8bit" if self.load_in_8bit else None

    def _need(self, condition: str, *dependents: str) -> None:
        for name in dependents:
            if getattr(self, name) is not None and not getattr(self, condition):
                fix = f"set {condition}: true or remove {name}"
                raise ContradictionError(f"{name} has no effect without {condition}", fix, name)
