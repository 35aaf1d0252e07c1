"""Settings that do not go together in vLLM are refused with both names and the fix."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llenergymeasure.config.loader import build_experiment_config

ADAPTER = {"adapter_id": "org/a"}
REFUSED = {
    "a draft model of pytorch": (
        {"decoder": {"speculative_decoding": True, "draft_model": "org/d"}},
        "set vllm.speculative: {model: org/d, num_tokens: 5}",
    ),
    "speculation with beams": (
        {"decoder": {"decoding_strategy": "beam"}, "vllm": {"speculative": {"model": "ngram", "num_tokens": 2}}},
        "vllm.speculative works with greedy and sampling, not with beam",
    ),
    "an adapter that is switched off": (
        {"lora": ADAPTER, "vllm": {"enable_lora": False}},
        "vllm.enable_lora is false, but lora names an adapter; remove one of them",
    ),
    "an adapter to merge": ({"lora": {**ADAPTER, "merge_weights": True}}, "remove lora.merge_weights"),
    "no space for a prompt": (
        {"vllm": {"max_model_len": 128}},
        "vllm.max_model_len 128 has no space for a prompt and 128 output tokens; set vllm.max_model_len above 128",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_contradiction_is_refused(case):
    fields, message = REFUSED[case]
    with pytest.raises(ValidationError) as caught:
        build_experiment_config({"model": "m", "backend": "vllm", **fields})
    assert message in str(caught.value)


@pytest.mark.parametrize("section", [{}, {"enable_lora": True}])
def test_an_adapter_needs_no_switch(section):
    assert build_experiment_config({"model": "m", "backend": "vllm", "lora": ADAPTER, "vllm": section}).lora is not None


@pytest.mark.parametrize("name", ["max_num_seqs", "dtype", "seed", "max_tokens", "speculative_config", "temperature"])
def test_what_has_a_field_of_its_own_may_not_pass_through(name):
    with pytest.raises(ValidationError, match=f"passthrough_kwargs may not set '{name}'"):
        build_experiment_config({"model": "m", "backend": "vllm", "passthrough_kwargs": {name: 1}})


def test_arguments_of_vllm_pass_through():
    kwargs = {"ignore_eos": True, "max_loras": 2, "use_cache": True}
    assert build_experiment_config({"model": "m", "backend": "vllm", "passthrough_kwargs": kwargs}).passthrough_kwargs
