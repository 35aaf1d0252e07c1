"""Which experiments may share a loaded model, and where transformers finds it."""

from __future__ import annotations

import pytest

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.pytorch.arguments import hub_arguments, load_key, source_of


def key(model="m", **fields):
    return load_key(ExperimentConfig(model=model, **fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 3},
        {"max_output_tokens": 3},
        {"decoder": {"decoding_strategy": "sampling", "temperature": 0.5}},
        {"random_seed": 7},
        {"pytorch": {"batch_size": 8}},
        {"pytorch": {"batching_strategy": "dynamic", "use_cache": False}},
        {"warmup": {"enabled": False}},
        {"energy": {"backend": "null"}},
    ],
)
def test_what_happens_after_loading_does_not_matter(fields):
    assert key(**fields) == key()


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "other"},
        {"precision": "fp16"},
        {"pytorch": {"device": "cpu"}},
        {"pytorch": {"load_in_8bit": True}},
        {"pytorch": {"attn_implementation": "eager"}},
        {"pytorch": {"revision": "v2"}},
        {"lora": {"adapter_id": "a"}},
        {"decoder": {"speculative_decoding": True, "draft_model": "d"}},
        {"passthrough_kwargs": {"low_cpu_mem_usage": True}},
    ],
)
def test_a_field_that_loading_reads_changes_the_key(fields):
    assert key(**fields) != key()


def test_drawn_weights_depend_on_their_seed():
    dummy = {"pytorch": {"load_format": "dummy"}}
    assert key(**dummy, random_seed=1) != key(**dummy, random_seed=2)


@pytest.mark.parametrize("section", [{"torch_compile": True}, {"cache_implementation": "static"}])
def test_a_model_with_state_about_shapes_is_never_shared(section):
    assert key(pytorch=section) is None


@pytest.mark.parametrize(
    ("model", "place", "of_file"),
    [
        ("org/m", "org/m", {}),
        ("/models/m", "/models/m", {}),
        ("/models/m.Q8_0.gguf", "/models", {"gguf_file": "m.Q8_0.gguf"}),
        ("M.GGUF", ".", {"gguf_file": "M.GGUF"}),
    ],
)
def test_a_gguf_file_is_named_inside_of_its_directory(model, place, of_file):
    assert source_of(model) == (place, of_file)
    assert hub_arguments(ExperimentConfig(model=model)) == of_file


def test_a_built_in_model_is_found_in_the_package():
    place, of_file = source_of("builtin/tiny-llama")
    assert place.endswith("tiny_llama")
    assert of_file == {}
