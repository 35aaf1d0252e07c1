"""Settings that transformers ignores, changes or ends early, with the real library and small models."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from llenergymeasure import ExperimentConfig  # noqa: E402
from llenergymeasure.core.backends.pytorch.generation.read_back import (  # noqa: E402
    kind_of_cache,
    of_model,
    quantised_layers,
)
from llenergymeasure.core.backends.pytorch.loading import TransformersLoader  # noqa: E402
from llenergymeasure.core.quality.applied import NotApplied, not_applied  # noqa: E402
from llenergymeasure.domain.settings import used_settings  # noqa: E402
from llenergymeasure.models.builtin import builtin_model_path  # noqa: E402
from llenergymeasure.testing import FakeClock  # noqa: E402


@pytest.fixture(scope="module")
def mamba(tmp_path_factory):
    """A model with states instead of keys and values, with the tokenizer of the built-in model."""
    folder = tmp_path_factory.mktemp("models") / "mamba"
    source = builtin_model_path("builtin/tiny-llama")
    shutil.copytree(source, folder)
    vocabulary = json.loads((source / "config.json").read_text())["vocab_size"]
    sizes = dict(vocab_size=vocabulary, hidden_size=16, num_hidden_layers=1, state_size=4)
    transformers.MambaConfig(**sizes, architectures=["MambaForCausalLM"]).save_pretrained(folder)
    return str(folder)


def info_of(model="builtin/tiny-llama", **fields):
    config = ExperimentConfig(**{"model": model, "n": 1, "max_output_tokens": 2, "precision": "fp32", **fields})
    engine = TransformersLoader(FakeClock()).load(config)
    try:
        return config, used_settings(engine.info)
    finally:
        engine.release()


def found(model="builtin/tiny-llama", **fields):
    return list(not_applied(*info_of(model, **fields)))


def test_every_setting_of_an_ordinary_experiment_is_applied():
    section = {"attn_implementation": "eager", "use_cache": True, "cache_implementation": "static"}
    sampling = {"decoding_strategy": "sampling", "temperature": 0.5, "top_k": 3, "repetition_penalty": 1.1}
    assert found(pytorch=section, decoder=sampling, min_output_tokens=1, passthrough_kwargs={"min_p": 0.1}) == []


def test_a_cache_with_windows_of_a_model_without_windows_is_a_plain_static_cache():
    """transformers makes the layers of a static cache from the configuration of the model."""
    assert found(pytorch={"cache_implementation": "sliding_window"}) == [
        NotApplied("pytorch.cache_implementation", "sliding_window", "static")
    ]


def test_transformers_ignores_a_static_cache_of_a_model_with_states(mamba):
    section = {"load_format": "dummy", "cache_implementation": "static"}
    assert found(mamba, pytorch=section) == [NotApplied("pytorch.cache_implementation", "static", None)]


@pytest.mark.parametrize(("name", "value"), [("length_penalty", 2.0), ("num_assistant_tokens", 7), ("min_p", 0.3)])
def test_an_argument_of_generate_without_its_condition_has_no_effect(name, value):
    assert found(passthrough_kwargs={name: value}) == [NotApplied(f"passthrough_kwargs.{name}", value, None)]


def test_an_argument_of_generate_with_its_condition_is_applied():
    assert found(decoder={"decoding_strategy": "beam"}, passthrough_kwargs={"length_penalty": 2.0}) == []


def test_a_value_without_an_effect_is_no_setting():
    assert found(passthrough_kwargs={"guidance_scale": 1, "no_repeat_ngram_size": 0}) == []


def test_looking_at_a_cache_leaves_the_length_of_later_ones_as_it_was():
    config = ExperimentConfig(model="builtin/tiny-llama", n=1, pytorch={"cache_implementation": "static"})
    engine = TransformersLoader(FakeClock()).load(config)
    assert engine._model._previous_max_cache_length == -1
    engine.release()


@dataclass
class Cache:
    offloading: bool
    is_sliding: list[bool]
    is_linear: tuple[bool, ...] = (False, True)


@pytest.mark.parametrize(
    ("cache", "kind"),
    [
        (None, None),
        (Cache(False, [False, False], (True, True)), None),
        (Cache(False, [False, False]), "static"),
        (Cache(False, [False, True]), "static with windows"),
        (Cache(True, [False]), "offloaded"),
    ],
)
def test_a_cache_is_described_by_what_it_is(cache, kind):
    assert kind_of_cache(cache) == kind


class Linear4bit(torch.nn.Module):
    """A layer with the name of the one of bitsandbytes."""


def test_quantised_weights_are_seen_by_their_layers():
    assert quantised_layers(torch.nn.Sequential(Linear4bit())) == {"load_in_4bit": True}
    assert quantised_layers(torch.nn.Sequential(torch.nn.Linear(1, 1))) == {}


def test_an_argument_that_became_a_field_of_the_model_is_read_there():
    model = SimpleNamespace(config=transformers.LlamaConfig(attention_dropout=0.5))
    assert of_model({"attention_dropout": 0.1, "cache_dir": "/x"}, model, {}) == {"attention_dropout": 0.5}
