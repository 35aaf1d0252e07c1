"""The fields that have an effect, and when two configurations have the same one."""

from __future__ import annotations

import pytest

from llenergymeasure.config.backends.pytorch import PyTorchConfig
from llenergymeasure.config.introspection import parameters, valid_example
from llenergymeasure.config.loader import build_experiment_config
from llenergymeasure.config.study.effective import effective_fields, fields_of_cells, key_of, key_of_config


def built(fields=None):
    return build_experiment_config({"model": "m"}, fields)


SERVER = {"backend": "server", "server.url": "http://127.0.0.1:8000/v1"}
LAUNCHED = {"backend": "server", "server.launch": ["serve", "{port}"]}
WITHOUT_EFFECT = [
    ({}, {"pytorch": {}}),
    ({}, {"pytorch.batch_size": 1, "pytorch.batching_strategy": "static", "pytorch.device": "auto"}),
    ({}, {"pytorch.use_cache": True, "pytorch.num_processes": 1, "pytorch.torch_compile": False}),
    ({}, {"decoder.temperature": 0.5, "decoder.top_p": 0.5, "decoder.top_k": 3}),
    ({"decoder.decoding_strategy": "beam"}, {"decoder.decoding_strategy": "beam", "decoder.num_beams": 4}),
    ({"backend": "vllm"}, {"backend": "vllm", "vllm.enable_prefix_caching": False, "vllm.tensor_parallel_size": 1}),
    (
        {"backend": "vllm", "lora.adapter_id": "a"},
        {"backend": "vllm", "lora.adapter_id": "a", "vllm.enable_lora": True},
    ),
    ({"dataset.n": 200}, {"dataset.n": 200, "max_output_tokens": 5}),
    (SERVER, {**SERVER, "server.api": "completions", "server.energy": "local", "server.request_timeout_seconds": 600}),
    (SERVER, {**SERVER, "traffic.mode": "concurrency", "traffic.concurrency": 1, "traffic.window": "steady_state"}),
    (SERVER, {**SERVER, "traffic.seed": 7}),
    (LAUNCHED, {**LAUNCHED, "server.arguments": {"enforce-eager": False, "revision": None}}),
]


@pytest.mark.parametrize(("first", "second"), WITHOUT_EFFECT)
def test_settings_without_effect_do_not_distinguish_configurations(first, second):
    assert key_of_config(built(first)) == key_of_config(built(second))


@pytest.mark.parametrize("parameter", parameters(), ids=lambda parameter: parameter.name)
def test_every_other_setting_distinguishes_them(parameter):
    fields = valid_example(parameter)
    without = {name: value for name, value in fields.items() if name != parameter.name}
    needed = {
        "lora.adapter_id",
        "lora.adapter_path",
        "decoder.speculative_decoding",
        "decoder.draft_model",
        "dataset.n",
        "vllm.speculative.model",
        "vllm.speculative.num_tokens",
        "server.url",
        "server.launch",
        "traffic.mode",
        "traffic.rate",
    }
    if parameter.name in needed | {"model"}:
        without = {}
    assert key_of_config(built(fields)) != key_of_config(built(without))


def test_what_is_not_of_the_own_backend_is_absent():
    names = effective_fields(built({"backend": "vllm"}))
    assert "vllm.max_num_seqs" in names
    assert not any(name.startswith(("pytorch.", "tensorrt.")) for name in names)
    assert {f"pytorch.{name}" for name in PyTorchConfig.model_fields} <= set(effective_fields(built()))


def test_a_backend_of_another_package_has_no_section_here():
    names = effective_fields(built().model_copy(update={"backend": "own"}))
    assert names["backend"] == "own"
    assert not any(name.startswith(("pytorch.", "own.")) for name in names)


def test_equal_numbers_are_equal_and_a_switch_is_no_number():
    assert key_of(1) == key_of(1.0) != key_of(True)
    assert key_of({"a": [1, {"b": None}]}) == key_of({"a": [1.0, {"b": None}]}) != key_of({"a": [True, {"b": None}]})
    assert len({key_of(value) for value in (None, "", 0, False, [], {}, "null", [None])}) == 8


def test_a_load_that_follows_from_another_setting_is_no_field_of_its_own():
    loads = [effective_fields(built({**SERVER, "traffic.concurrency": count})) for count in (1, 4)]
    assert [name for name in loads[0] if loads[0][name] != loads[1][name]] == ["traffic.concurrency"]


def test_an_argument_that_is_true_is_not_the_number_1():
    keys = {key_of_config(built({**LAUNCHED, "server.arguments": {"eager": value}})) for value in (1, True, "1")}
    assert len(keys) == 3


def test_an_argument_that_one_cell_lacks_is_left_out_there():
    with_it = built({**LAUNCHED, "server.arguments": {"enforce-eager": True}})
    cells = fields_of_cells([with_it, built(LAUNCHED), built()])
    assert [cell.get("server.arguments.enforce-eager") for cell in cells] == [True, False, None]
