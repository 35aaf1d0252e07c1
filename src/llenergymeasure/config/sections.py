"""The sections of an experiment that every inference backend shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator
from typing_extensions import Self

from llenergymeasure.config.base import ConfigModel, ContradictionError, FieldError, Flag, Integer, Number, effective
from llenergymeasure.config.extensions.names import or_installed
from llenergymeasure.config.meters import METER_NAMES, METERS
from llenergymeasure.config.ssot import DEFAULT_BEAMS, DecodingStrategy

if TYPE_CHECKING:
    _MeterName = str
else:
    _MeterName = Literal[METER_NAMES]
# YAML reads a bare `null` as None; here it is the name of a meter.
MeterName = Annotated[
    _MeterName,
    or_installed(METERS, *METER_NAMES),
    BeforeValidator(lambda value: "null" if value is None else value),
]


class SyntheticDatasetConfig(ConfigModel):
    """Prompts of random tokens with exact lengths."""

    n: Integer = Field(ge=1, description="Number of prompts; the experiment's `n` may not exceed it.")
    input_len: Integer = Field(512, ge=1, description="Length of each prompt in tokens.")
    output_len: Integer = Field(
        128, ge=1, description="Number of tokens generated for each prompt; replaces max_output_tokens."
    )
    seed: Integer | None = Field(
        None, ge=0, description="Seed of the random tokens.", json_schema_extra=effective("`random_seed`")
    )


class DecoderConfig(ConfigModel):
    """How the next token is chosen."""

    temperature: Number = Field(1.0, gt=0, description="Softmax temperature; used by sampling.")
    top_p: Number = Field(1.0, gt=0, le=1, description="Nucleus probability mass (0 to 1); used by sampling.")
    top_k: Integer | None = Field(
        None,
        ge=1,
        description="Number of most likely tokens to sample from; used by sampling.",
        json_schema_extra=effective("all"),
    )
    repetition_penalty: Number = Field(1.0, gt=0, description="Penalty on repeated tokens; 1 = none.")
    decoding_strategy: DecodingStrategy = Field("greedy", description="greedy, sampling or beam search.")
    num_beams: Integer | None = Field(
        None,
        ge=2,
        description="Number of beams; only with decoding_strategy beam.",
        json_schema_extra=effective("4 with beam, else 1"),
    )
    speculative_decoding: Flag = Field(False, description="Let a draft model propose tokens; needs draft_model.")
    draft_model: str | None = Field(
        None, min_length=1, description="Model id or path of the draft model.", json_schema_extra=effective("none")
    )

    @model_validator(mode="after")
    def _dependent_settings_have_what_they_need(self) -> Self:
        if self.num_beams is not None and self.decoding_strategy != "beam":
            problem = f"num_beams {self.num_beams} needs decoding_strategy: beam, not '{self.decoding_strategy}'"
            raise ContradictionError(problem, "", "num_beams", "decoding_strategy")
        if self.speculative_decoding and self.draft_model is None:
            fix = "set decoder.draft_model, or set decoder.speculative_decoding: false"
            raise ContradictionError("speculative_decoding needs a draft_model", fix, "speculative_decoding")
        if self.draft_model is not None and not self.speculative_decoding:
            problem = f"draft_model '{self.draft_model}' has no effect without speculative_decoding: true"
            raise ContradictionError(
                problem, "set decoder.speculative_decoding: true, or remove draft_model", "draft_model"
            )
        if self.speculative_decoding and self.decoding_strategy == "beam":
            problem = "speculative_decoding works with greedy and sampling, not with beam"
            raise ContradictionError(problem, "", "speculative_decoding", "decoding_strategy")
        return self

    @property
    def beams(self) -> int:
        """Number of beams per prompt; 1 without beam search."""
        return (self.num_beams or DEFAULT_BEAMS) if self.decoding_strategy == "beam" else 1


class WarmupConfig(ConfigModel):
    """What runs before the measured window, so that it starts in a steady state."""

    enabled: Flag = Field(True, description="Warm up before the window.")
    n_warmup: Integer = Field(
        5, ge=1, description="Number of warm-up iterations; each runs `generate` on a batch of the window."
    )
    max_new_tokens: Integer = Field(
        16, ge=1, description="Output tokens per prompt in the warm-up; prompts keep their full length."
    )
    thermal_floor_seconds: Number = Field(
        60.0,
        ge=0,
        description="Wait between warm-up and window in seconds: at least 30; or 0 for no wait, with a warning.",
    )
    convergence_detection: Flag = Field(
        False, description="After n_warmup iterations, continue until latency is steady (CV below cv_threshold)."
    )
    cv_threshold: Number = Field(
        0.05, ge=0.01, le=0.5, description="Latency is steady below this coefficient of variation (CV)."
    )
    window_size: Integer = Field(5, ge=2, description="Number of latest iterations from which the CV is computed.")
    max_prompts: Integer = Field(
        50, ge=1, description="Maximum number of warm-up iterations with convergence_detection."
    )

    @field_validator("thermal_floor_seconds")
    @classmethod
    def _a_floor_is_long_enough_to_matter(cls, value: float) -> float:
        if 0 < value < 30:
            raise FieldError(f"{value:g} s is too short to settle temperatures", "set at least 30, or 0 for no wait")
        return value

    @model_validator(mode="after")
    def _limits_agree(self) -> Self:
        if self.convergence_detection and self.max_prompts < self.n_warmup:
            problem = f"max_prompts {self.max_prompts} is below n_warmup {self.n_warmup}"
            raise ContradictionError(problem, "raise max_prompts", "max_prompts", "n_warmup")
        return self


class BaselineConfig(ConfigModel):
    """Idle power, measured so that it can be subtracted."""

    enabled: Flag = Field(True, description="Measure idle power.")
    duration_seconds: Number = Field(30.0, ge=1, le=120, description="Length of the idle measurement in seconds.")
    when: Literal["before_load", "after_load"] = Field(
        "before_load",
        description="before_load: without the model, the same for every configuration. after_load: with the model in memory.",
    )


class EnergyConfig(ConfigModel):
    """Which energy meter measures."""

    backend: MeterName = Field(
        "auto",
        description=f"Energy meter. auto: the first available of {', '.join(METERS)}. null: energy is not measured.",
    )


class LoRAConfig(ConfigModel):
    """A LoRA adapter, applied through PEFT."""

    adapter_id: str | None = Field(None, min_length=1, description="Adapter repository on the hub.")
    adapter_path: str | None = Field(None, min_length=1, description="Adapter directory on this machine.")
    merge_weights: Flag = Field(False, description="Merge the adapter into the weights before measuring.")

    @model_validator(mode="after")
    def _exactly_one_source(self) -> Self:
        if (self.adapter_id is None) == (self.adapter_path is None):
            raise ContradictionError(
                "lora needs exactly one of adapter_id and adapter_path", "", "adapter_id", "adapter_path"
            )
        return self
