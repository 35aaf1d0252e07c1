"""The section `tensorrt`: it is validated today and run by a later release."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from llenergymeasure.config.base import ConfigModel, Integer, effective


class TensorRTConfig(ConfigModel):
    """Settings of the TensorRT-LLM backend. Validated today, run by a later release."""

    max_batch_size: Integer | None = Field(
        None, ge=1, description="Batch size of the engine.", json_schema_extra=effective("8")
    )
    tp_size: Integer | None = Field(None, ge=1, description="Tensor-parallel GPUs.", json_schema_extra=effective("1"))
    pp_size: Integer | None = Field(None, ge=1, description="Pipeline-parallel GPUs.", json_schema_extra=effective("1"))
    max_seq_len: Integer | None = Field(
        None, ge=1, description="Longest sequence in tokens.", json_schema_extra=effective("the model's own limit")
    )
    kv_cache_type: Literal["paged"] | None = Field(
        None, description="Kind of KV cache.", json_schema_extra=effective("paged")
    )
    quantization: Literal["int8_sq", "int4_awq", "fp8"] | None = Field(
        None, description="Quantisation of the engine.", json_schema_extra=effective("none")
    )
    builder_opt_level: Integer | None = Field(
        None, ge=0, le=5, description="Effort of the engine builder (0 to 5).", json_schema_extra=effective("3")
    )
    engine_path: str | None = Field(
        None, min_length=1, description="A built engine to use.", json_schema_extra=effective("build one")
    )
