"""The section `vllm`: its values by themselves, and vLLM's own lists beside them where it is installed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llenergymeasure.config.loader import build_experiment_config


def built(**section):
    return build_experiment_config({"model": "m", "backend": "vllm", "vllm": section})


def complaint(**section):
    with pytest.raises(ValidationError) as caught:
        built(**section)
    return str(caught.value)


def test_an_omitted_section_shares_no_prefixes_and_uses_one_gpu():
    section = build_experiment_config({"model": "m", "backend": "vllm"}).vllm_settings
    assert (section.effective_prefix_caching, section.gpus, section.effective_num_processes) == (False, 1, 1)


def test_tensor_and_pipeline_parallelism_multiply_the_gpus():
    assert built(tensor_parallel_size=2, pipeline_parallel_size=3).section.gpus == 6


def test_the_section_of_an_experiment_is_that_of_its_backend():
    assert built(revision="abc").section.revision == "abc"
    assert build_experiment_config({"model": "m", "pytorch": {"revision": "def"}}).section.revision == "def"


def test_weights_are_drawn_with_load_format_dummy_and_for_a_model_without_weights():
    assert built(load_format="dummy").draws_weights
    assert not built().draws_weights
    assert build_experiment_config({"model": "builtin/tiny-llama", "backend": "vllm"}).draws_weights


def test_a_step_has_space_for_a_token_of_each_sequence():
    text = complaint(max_num_batched_tokens=8, max_num_seqs=16)
    assert "max_num_batched_tokens 8 is below max_num_seqs 16; raise it or lower max_num_seqs" in text


def test_without_chunked_prefill_a_step_has_space_for_the_longest_prompt():
    text = complaint(max_num_batched_tokens=256, max_model_len=512, enable_chunked_prefill=False)
    assert "max_num_batched_tokens 256 may not be below max_model_len 512" in text
    assert built(max_num_batched_tokens=256, max_model_len=512).vllm is not None


def test_speculative_decoding_needs_both_of_its_fields():
    assert "vllm.speculative.num_tokens" in complaint(speculative={"model": "ngram"})
    assert built(speculative={"model": "ngram", "num_tokens": 3}).section.speculative.num_tokens == 3
