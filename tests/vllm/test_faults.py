"""What vLLM refuses is one message with the value and the fix, and the next experiment loads."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from llenergymeasure.exceptions import BackendError
from llenergymeasure.models.builtin import BUILTIN_MODELS


def message(engine_of, **fields):
    with pytest.raises(BackendError) as raised, engine_of(**fields):
        pass
    text = str(raised.value)
    assert "\n" not in text
    assert "Traceback" not in text
    return text


def test_a_cache_that_does_not_fit(engine_of):
    text = message(engine_of, **{"vllm.max_model_len": 4096, "passthrough_kwargs": {"kv_cache_memory_bytes": 2**20}})
    assert "4096" in text
    assert "lower vllm.max_model_len, or give the KV cache more memory" in text


def test_more_memory_than_the_machine_has(engine_of):
    text = message(engine_of, passthrough_kwargs={"kv_cache_memory_bytes": 2**50})
    assert "kv_cache_memory_bytes" in text
    assert "lower" in text


def test_a_length_beyond_the_model(engine_of):
    text = message(engine_of, **{"vllm.max_model_len": 99_999})
    assert "99999" in text.replace(",", "")
    assert "lower vllm.max_model_len" in text


def test_a_model_that_vllm_does_not_know(engine_of, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(BUILTIN_MODELS["builtin/tiny-llama"], folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"model_type": "no-such-family", "architectures": ["NoSuchForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    text = message(engine_of, model=str(folder), **{"vllm.load_format": "dummy"})
    assert "no-such-family" in text
    assert "name a model that transformers and vLLM know" in text


def test_a_prompt_that_is_too_long(engine_of):
    with engine_of() as engine, pytest.raises(BackendError, match=r"generating failed.*512.*raise vllm\.max_model_len"):
        engine.run(engine.prepare([[5] * 600]))


def test_the_next_experiment_loads_after_a_failure(engine_of):
    before = dict(os.environ)
    message(engine_of, **{"vllm.max_model_len": 4096, "passthrough_kwargs": {"kv_cache_memory_bytes": 2**20}})
    assert dict(os.environ) == before
    with engine_of() as engine:
        assert engine.run(engine.prepare([[5, 6]])).records().requests[0].output_tokens == 16
    assert dict(os.environ) == before
