"""The settings that an engine used: those of loading and those of generation, under the engine's names."""

from __future__ import annotations

from llenergymeasure.domain.measurements import ModelInfo
from llenergymeasure.domain.settings import used_settings


def test_what_is_known_of_the_loaded_model_comes_with_the_settings_of_generation():
    info = ModelInfo(
        name="m", device="cpu", dtype="float32", attn_implementation="sdpa", effective_settings={"do_sample": False}
    )
    assert used_settings(info) == {"dtype": "float32", "attn_implementation": "sdpa", "do_sample": False}


def test_the_attention_of_vllm_has_one_name():
    settings = {"attention_backend": "CPU_ATTN", "quantization": "fp8"}
    info = ModelInfo(name="m", device="cpu", attn_implementation="CPU_ATTN", effective_settings=settings)
    assert used_settings(info) == settings


def test_an_engine_that_reports_nothing_has_none():
    assert used_settings(ModelInfo(name="m", device="cpu")) == {}
