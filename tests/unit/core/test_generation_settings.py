"""Settings of generation: those that were asked for, replaced by those that the engine used."""

from __future__ import annotations

from llenergymeasure.config.loader import build_experiment_config
from llenergymeasure.core.generation_settings import proposers, settings_of
from llenergymeasure.domain.measurements import ModelInfo


def settings(used=None, **fields):
    info = ModelInfo(name="m", device="cpu", effective_settings=used or {})
    return settings_of(build_experiment_config({"model": "m", **fields}), info)


def test_what_the_engine_used_replaces_what_was_asked_for():
    assert settings({"use_cache": False})["use_cache"] is False
    assert settings(passthrough_kwargs={"guidance_scale": 2.0})["guidance_scale"] == 2.0


def test_each_way_of_proposing_tokens_is_found():
    assert proposers(settings()) == proposers(settings(backend="vllm")) == ()
    assert proposers(settings(pytorch={"prompt_lookup_num_tokens": 3})) == ("prompt_lookup_num_tokens",)
    section = {"speculative": {"model": "ngram", "num_tokens": 3}}
    assert proposers(settings(backend="vllm", vllm=section)) == ("speculative",)


def test_vllm_has_no_beams_and_always_a_cache():
    found = settings(backend="vllm")
    assert (found["num_beams"], found["use_cache"]) == (1, True)
