"""What a configuration may request of a backend."""

from __future__ import annotations

import pytest

from llenergymeasure.config.extensions.backends import BackendEntry, decoding_of, precisions_of, takes_lora


def test_the_built_in_backends_have_their_tables():
    assert precisions_of("pytorch") == ("fp32", "fp16", "bf16")
    assert decoding_of("tensorrt") == ("greedy", "sampling")
    assert [takes_lora(name) for name in ("pytorch", "vllm", "tensorrt")] == [True, True, False]


def test_a_backend_that_nothing_offers_has_none():
    with pytest.raises(KeyError):
        precisions_of("nowhere")


def test_a_backend_of_another_package_accepts_everything_but_adapters_by_default():
    entry = BackendEntry((), (), "")
    assert entry.precisions == ("fp32", "fp16", "bf16", "int8", "fp8", "int4")
    assert entry.decoding == ("greedy", "sampling", "beam")
    assert (entry.lora, entry.own_models) == (False, False)
