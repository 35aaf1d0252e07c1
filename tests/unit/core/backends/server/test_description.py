"""The description of a server's model."""

from __future__ import annotations

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.core.backends.server.description import describe
from llenergymeasure.core.backends.server.report import Report
from llenergymeasure.core.quality.applied import not_applied
from llenergymeasure.models.files.local_files import local_config

URL = {"url": "http://127.0.0.1:1/v1"}
CONFIG = ExperimentConfig(model="builtin/tiny-llama", backend="server", server=URL)


def test_the_parameters_are_those_of_the_models_configuration():
    architecture = local_config("builtin/tiny-llama", None, {})
    info = describe(CONFIG, "vllm", Report({"max_model_len": 512}, positions=512), architecture, "cuda", 3.0)
    assert (info.backend, info.device, info.architecture) == (None, "cuda", "LlamaForCausalLM")
    assert info.n_matmul_parameters is not None
    assert info.n_parameters >= info.n_matmul_parameters
    assert (info.max_positions, info.load_seconds) == (512, 3.0)
    assert info.effective_settings == {"max_model_len": 512}


def test_what_the_server_counts_comes_first():
    info = describe(CONFIG, "llama.cpp", Report({}, n_parameters=7, most_requests=4), {}, "cpu", None)
    assert (info.n_parameters, info.max_num_seqs) == (7, 4)


def test_without_both_the_parameters_are_none_with_the_reason():
    info = describe(CONFIG, "unknown", Report({}), {}, "unknown", None)
    assert (info.n_parameters, info.n_matmul_parameters, info.max_positions) == (None, None, None)
    assert "does not report them" in info.parameters_reason


def test_a_total_that_is_known_is_not_called_unknown():
    info = describe(CONFIG, "llama.cpp", Report({}, n_parameters=7), {}, "cpu", None)
    assert (info.n_parameters, info.n_matmul_parameters) == (7, None)
    assert info.parameters_reason.startswith("the server reports only the total number of parameters")


ASKED = {
    "precision": "fp16", "min_output_tokens": 8,
    "decoder": {"decoding_strategy": "sampling", "top_k": 5, "repetition_penalty": 1.1},
}  # fmt: skip


@pytest.mark.parametrize(
    ("engine", "fields", "without_effect"),
    [
        ("vllm", {}, []),
        ("vllm", {"precision": "bf16"}, ["precision"]),  # the default, and set
        ("vllm", {"traffic": {"seed": 5}}, ["traffic.seed"]),
        ("vllm", {"traffic": {"seed": 5, "mode": "constant", "rate": 2.0}}, ["traffic.seed"]),
        ("vllm", {"traffic": {"seed": 5, "mode": "poisson", "rate": 2.0}}, []),
        ("vllm", {"server": {**URL, "start_timeout_seconds": 5.0}}, ["server.start_timeout_seconds"]),
        ("vllm", {"server": {"launch": ["serve", "{port}"], "start_timeout_seconds": 5.0}}, []),
        ("vllm", {"max_input_tokens": 100}, []),
        ("vllm", ASKED, ["precision"]),
        ("unknown", ASKED, ["precision", "min_output_tokens", "decoder.top_k", "decoder.repetition_penalty"]),
    ],
)
def test_what_is_set_and_has_no_effect_on_a_server_is_warned_about(engine, fields, without_effect):
    config = ExperimentConfig(**{"model": "m", "backend": "server", "server": URL, **fields})
    info = describe(config, engine, Report({}), {}, "cpu", None)
    found = list(not_applied(config, info.effective_settings, complete=False))
    assert [(each.field, each.found) for each in found] == [(name, None) for name in without_effect]


@pytest.mark.parametrize(("fields", "names"), [({"max_input_tokens": 100}, ["max_input_tokens"]), ({}, [])])
def test_a_limit_of_the_prompts_that_is_set_has_no_effect_where_they_are_not_cut(fields, names):
    config = ExperimentConfig(model="m", backend="server", server=URL, **fields)
    info = describe(config, "unknown", Report({}), {}, "cpu", None, cuts=False)
    assert [each.field for each in not_applied(config, info.effective_settings, complete=False)] == names
