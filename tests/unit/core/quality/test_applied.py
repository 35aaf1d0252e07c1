"""Settings that an engine reports with another value than the configuration asked for."""

from __future__ import annotations

import pytest

from llenergymeasure.config.introspection import parameters, valid_example
from llenergymeasure.config.loader import build_experiment_config
from llenergymeasure.config.ssot import BACKENDS
from llenergymeasure.core.quality.applied import NOT_READ_BACK, READ_BACK, NotApplied, not_applied

# Fields of an experiment that its engine gets, or that have no effect with some; this package applies the others itself.
OF_ENGINES = (
    "precision", "random_seed", "max_input_tokens", "max_output_tokens", "min_output_tokens", "traffic.seed",
)  # fmt: skip
FIELDS = [
    each.name
    for each in parameters()
    if each.name in OF_ENGINES or each.section.split(".")[0] in ("decoder", "lora", *READ_BACK)
]


def differences(reported, complete=True, **fields):
    config = build_experiment_config({"model": "m", **fields})
    return list(not_applied(config, reported, complete=complete))


@pytest.mark.parametrize("field", FIELDS)
def test_every_setting_of_an_engine_is_read_back_or_says_why_not(field):
    backends = [field.split(".")[0]] if field.split(".")[0] in BACKENDS else list(READ_BACK)
    read_back = [field in {each.field for each in READ_BACK[backend]} for backend in backends]
    if field in NOT_READ_BACK:
        assert len(NOT_READ_BACK[field]) > 8
        assert not any(read_back)
    else:
        assert any(read_back)


def test_the_tables_name_no_other_fields():
    named = {each.field for settings in READ_BACK.values() for each in settings} | set(NOT_READ_BACK)
    assert named == set(FIELDS)


@pytest.mark.parametrize(
    "setting",
    [each for name, settings in READ_BACK.items() for each in settings if each.field.split(".")[0] == name != "server"],
    ids=lambda each: each.field,
)
def test_another_value_in_the_engine_is_a_difference(setting):
    (parameter,) = [each for each in parameters() if each.name == setting.field]
    fields = valid_example(parameter)
    if fields[setting.field] == "auto":  # leaves the choice to the engine
        fields[setting.field] = parameter.choices[-1]
    config = build_experiment_config({"model": "m"}, fields)
    asked = fields[setting.field]
    reported, inner = {}, setting.name.split(".")
    reported[inner[0]] = "another" if len(inner) == 1 else {inner[1]: "another"}
    (found,) = [each for each in not_applied(config, reported, complete=False) if each.field == setting.field]
    assert (found.asked, found.found) == (asked, "another")


def test_what_the_engine_reports_as_asked_is_no_difference():
    vllm = {"max_num_seqs": 4, "quantization": "gptq", "kv_cache_dtype": "fp8", "enforce_eager": True}
    reported = {"max_num_seqs": 4, "quantization": "auto_gptq", "kv_cache_dtype": "fp8_e4m3", "enforce_eager": True}
    assert differences({**reported, "dtype": "bfloat16", "temperature": 0.0}, backend="vllm", vllm=vllm) == []


def test_each_difference_has_both_values():
    vllm = {"attention_backend": "FLASHINFER", "max_num_seqs": 4}
    assert differences({"attention_backend": "CPU_ATTN", "max_num_seqs": 2}, backend="vllm", vllm=vllm) == [
        NotApplied("vllm.max_num_seqs", 4, 2),
        NotApplied("vllm.attention_backend", "FLASHINFER", "CPU_ATTN"),
    ]


def test_precision_is_compared_also_where_it_is_the_default():
    assert differences({"dtype": "float32"}) == [NotApplied("precision", "bf16", "float32")]
    assert differences({"dtype": "bfloat16"}) == []


def test_the_precision_of_quantised_weights_has_no_type_of_its_own():
    assert differences({"dtype": "bfloat16"}, backend="vllm", precision="int8") == []


def test_a_choice_that_is_left_to_the_engine_is_not_compared():
    assert differences({"kv_cache_dtype": "bfloat16"}, backend="vllm", vllm={"kv_cache_dtype": "auto"}) == []
    assert differences({"enable_prefix_caching": True}, backend="vllm") == []


def test_settings_of_sampling_are_compared_only_with_sampling():
    assert differences({"temperature": 1.0, "do_sample": False}) == []
    assert differences({"do_sample": True}) == [NotApplied("decoder.decoding_strategy", "greedy", True)]
    sampling = {"decoding_strategy": "sampling", "temperature": 0.5}
    assert differences({"temperature": 0.7, "do_sample": True}, decoder=sampling) == [
        NotApplied("decoder.temperature", 0.5, 0.7)
    ]


def test_greedy_decoding_is_temperature_0_in_vllm():
    assert differences({"temperature": 0.0}, backend="vllm") == []
    assert differences({"temperature": 1.0}, backend="vllm") == [NotApplied("decoder.decoding_strategy", "greedy", 1.0)]


def test_a_setting_that_is_not_reported_is_off_in_an_engine_that_reports_all():
    section = {"cache_implementation": "static"}
    assert differences({"use_cache": True}, pytorch=section) == [
        NotApplied("pytorch.cache_implementation", "static", None)
    ]
    assert differences({"use_cache": True}, complete=False, pytorch=section) == []


def test_an_engine_that_reports_nothing_is_not_judged():
    assert differences({}, pytorch={"cache_implementation": "static"}, passthrough_kwargs={"min_p": 0.1}) == []


def test_windows_of_the_model_belong_to_a_static_cache():
    for asked, found in (("static", "static with windows"), ("offloaded_static", "offloaded")):
        assert differences({"kv_cache": found}, pytorch={"cache_implementation": asked}) == []
    assert differences({"kv_cache": "static"}, pytorch={"cache_implementation": "sliding_window"}) != []


def test_speculative_decoding_is_compared_inside_its_section():
    section = {"speculative": {"model": "ngram", "num_tokens": 3}}
    reported = {"speculative": {"model": "ngram", "num_tokens": 2}}
    assert differences(reported, backend="vllm", vllm=section) == [NotApplied("vllm.speculative.num_tokens", 3, 2)]


SERVER = {"backend": "server", "server": {"url": "http://127.0.0.1:1/v1"}}
OF_REQUESTS = {
    "precision": "fp16", "max_input_tokens": 512, "min_output_tokens": 8, "traffic": {"seed": 5},
    "decoder": {"decoding_strategy": "sampling", "top_k": 5, "repetition_penalty": 1.1},
}  # fmt: skip


def test_a_setting_of_the_server_itself_is_none_of_the_run():
    """TGI reports the most input tokens that it accepts as max_input_tokens."""
    own = {setting.name: 4095 for setting in READ_BACK["server"]}
    assert differences(own, complete=False, **SERVER, **OF_REQUESTS) == []


def test_what_has_no_effect_on_requests_to_a_server_is_null():
    found = differences({"max_input_tokens": None, "seed": None}, complete=False, **SERVER, **OF_REQUESTS)
    assert found == [NotApplied("max_input_tokens", 512, None), NotApplied("traffic.seed", 5, None)]


def test_passthrough_arguments_of_a_server_are_sent_and_not_reported():
    own = {"n_ctx": 4096}
    assert differences(own, complete=False, **SERVER, passthrough_kwargs={"n_ctx": 2048}) == []


def test_passthrough_arguments_are_compared_under_their_names():
    kwargs = {"length_penalty": 2.0, "min_p": 0.1, "eos_token_id": 2, "stop_strings": None, "unknown": 1}
    reported = {"length_penalty": None, "min_p": 0.1, "eos_token_id": [2]}
    assert differences(reported, passthrough_kwargs=kwargs) == [
        NotApplied("passthrough_kwargs.length_penalty", 2.0, None)
    ]
