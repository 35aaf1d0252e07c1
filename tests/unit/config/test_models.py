"""What a configuration accepts, what it refuses, and with which message."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from llenergymeasure.config.backends.pytorch import PyTorchConfig
from llenergymeasure.config.loader import build_experiment_config
from llenergymeasure.config.messages.location import branches_of, field_paths
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.ssot import BACKEND_OF_SECTION, BACKENDS, DECODING_SUPPORT, LORA_SUPPORT, PRECISION_SUPPORT
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.config.user_config import UserConfig

# What the sections of a backend need.
SECTIONS = {"server": {"url": "http://127.0.0.1:8000/v1"}}


def fields_for(backend, **fields):
    return {"backend": backend, **({backend: SECTIONS[backend]} if backend in SECTIONS else {}), **fields}


def complaint(fields, overrides=None):
    with pytest.raises(ValidationError) as caught:
        build_experiment_config({"model": "m", **fields}, overrides)
    return "; ".join(error["msg"] for error in caught.value.errors())


def all_models(model):
    yield model
    for field in model.model_fields.values():
        for branch in branches_of(field.annotation):
            if hasattr(branch, "model_fields"):
                yield from all_models(branch)


MODELS = sorted({*all_models(StudyConfig.model_fields["experiments"].annotation.__args__[0]), StudyConfig,
                 *all_models(UserConfig)}, key=lambda model: model.__name__)  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_part_is_frozen_and_closed(model):
    assert model.model_config["frozen"] is True
    assert model.model_config["extra"] == "forbid"


def test_the_defaults_are_those_of_the_contract():
    config = ExperimentConfig(model="m")
    assert config.model_dump(exclude={"decoder", "warmup", "baseline", "energy"}) == {
        "model": "m", "backend": "pytorch", "precision": "bf16", "dataset": "aienergyscore", "n": 100, "random_seed": 42,
        "apply_chat_template": False, "max_input_tokens": 512, "max_output_tokens": 128, "min_output_tokens": None,
        "min_duration_seconds": None, "pytorch": None, "vllm": None,
        "tensorrt": None, "server": None, "traffic": None, "slo": None, "lora": None, "passthrough_kwargs": None,
    }  # fmt: skip
    assert config.decoder.model_dump() == {
        "temperature": 1.0, "top_p": 1.0, "top_k": None, "repetition_penalty": 1.0, "decoding_strategy": "greedy",
        "num_beams": None, "speculative_decoding": False, "draft_model": None,
    }  # fmt: skip
    assert config.warmup.model_dump() == {
        "enabled": True, "n_warmup": 5, "max_new_tokens": 16, "thermal_floor_seconds": 60.0,
        "convergence_detection": False, "cv_threshold": 0.05, "window_size": 5, "max_prompts": 50,
    }  # fmt: skip
    assert config.baseline.model_dump() == {"enabled": True, "duration_seconds": 30.0, "when": "before_load"}
    assert config.energy.backend == "auto"


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_takes_the_precisions_it_supports_and_no_other(backend):
    for precision in ("fp32", "fp16", "bf16", "int8", "fp8", "int4"):
        fields = fields_for(backend, precision=precision)
        if precision in PRECISION_SUPPORT[backend]:
            assert build_experiment_config({"model": "m", **fields}).precision == precision
        else:
            valid = ", ".join(PRECISION_SUPPORT[backend])
            assert f"precision '{precision}' is not supported by backend '{backend}'; valid: {valid}" in complaint(
                fields
            )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_takes_the_decoding_it_supports_and_no_other(backend):
    for strategy in ("greedy", "sampling", "beam"):
        fields = fields_for(backend, precision="fp16", decoder={"decoding_strategy": strategy})
        if strategy in DECODING_SUPPORT[backend]:
            assert build_experiment_config({"model": "m", **fields}).decoder.decoding_strategy == strategy
        else:
            assert f"decoder.decoding_strategy '{strategy}' is not supported by backend '{backend}'" in complaint(
                fields
            )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_backend_takes_lora_if_it_supports_it(backend):
    fields = fields_for(backend, precision="fp16", lora={"adapter_id": "org/adapter"})
    if backend in LORA_SUPPORT:
        assert build_experiment_config({"model": "m", **fields}).lora.adapter_id == "org/adapter"
    else:
        fixes = {"server": "start the server with the adapter, and name it in server.served_model"}
        fix = fixes.get(backend, "valid backends: pytorch, vllm")
        assert f"lora is not supported by backend '{backend}'; {fix}" in complaint(fields)


def test_a_batch_size_for_vllm_has_its_counterpart_in_the_message():
    hint = "set vllm.max_num_seqs instead of a batch size"
    assert hint in complaint({"backend": "vllm", "pytorch": {"batch_size": 4}})
    assert hint not in complaint({"backend": "vllm", "pytorch": {"use_cache": False}})


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("section", BACKEND_OF_SECTION)
def test_a_section_belongs_to_its_backend(backend, section):
    fields = fields_for(backend, precision="fp16")
    fields |= {} if section in fields else {section: {"ttft_p99_ms": 500} if section == "slo" else {}}
    if BACKEND_OF_SECTION[section] == backend:
        assert build_experiment_config({"model": "m", **fields}).backend == backend
    else:
        assert f"section '{section}' belongs to another backend: backend is '{backend}'" in complaint(fields)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"decoder.num_beams": 4}, "num_beams 4 needs decoding_strategy: beam, not 'greedy'"),
        ({"decoder.speculative_decoding": True}, "speculative_decoding needs a draft_model"),
        ({"decoder.draft_model": "d"}, "has no effect without speculative_decoding"),
        ({"warmup.thermal_floor_seconds": 10}, "10 s is too short to settle temperatures; set at least 30, or 0"),
        ({"warmup.convergence_detection": True, "warmup.max_prompts": 3}, "max_prompts 3 is below n_warmup 5"),
        ({"lora": {}}, "exactly one of adapter_id and adapter_path"),
        ({"lora": {"adapter_id": "a", "adapter_path": "b"}}, "exactly one of adapter_id and adapter_path"),
        ({"min_output_tokens": 129}, "min_output_tokens 129 is above the 128 output tokens allowed"),
        ({"n": 5, "dataset": {"n": 4}}, "n 5 exceeds the 4 prompts of the dataset; lower n or raise dataset.n"),
        ({"dataset": {"n": 100, "input_len": 513}}, "dataset.input_len 513 exceeds max_input_tokens 512"),
        ({"pytorch.load_in_4bit": True, "pytorch.load_in_8bit": True}, "exclude each other"),
        ({"pytorch.torch_compile_mode": "default"}, "has no effect without torch_compile"),
        ({"pytorch.torch_compile_backend": "eager", "pytorch.torch_compile": False}, "no effect without torch_compile"),
        ({"pytorch.bnb_4bit_quant_type": "nf4", "pytorch.load_in_8bit": True}, "no effect without load_in_4bit"),
        ({"pytorch.cache_implementation": "static", "pytorch.use_cache": False}, "'static' needs a cache"),
        ({"pytorch.max_memory": {0: "1GiB"}}, "set device_map: auto as well"),
        (
            {"pytorch.load_format": "dummy", "pytorch.device_map": "auto"},
            "load_format dummy creates unquantised weights",
        ),
        (
            {"pytorch.load_format": "dummy", "pytorch.load_in_8bit": True},
            "load_format dummy creates unquantised weights",
        ),
        ({"model": " "}, "a model id or a directory is needed"),
        ({"model": "a\0b"}, "a model id or a directory is needed"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(overrides, words):
    assert words in complaint({}, overrides)


PROPOSALS = {
    "speculative_decoding": {"decoder.speculative_decoding": True, "decoder.draft_model": "d"},
    "pytorch.prompt_lookup_num_tokens": {"pytorch.prompt_lookup_num_tokens": 3},
}


@pytest.mark.parametrize("name", PROPOSALS)
@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"decoder.decoding_strategy": "beam"}, "works with greedy and sampling"),
        ({"pytorch.batch_size": 2}, "works on one prompt at a time; set pytorch.batch_size: 1 (it is 2)"),
        ({"pytorch.use_cache": False}, "needs a cache"),
        ({"pytorch.cache_implementation": "static"}, "needs a dynamic cache; remove pytorch.cache_implementation"),
    ],
)
def test_proposed_tokens_need_a_fitting_decoder_and_cache(name, overrides, words):
    assert build_experiment_config({"model": "m"}, PROPOSALS[name]).config_hash
    assert f"{name} {words}" in complaint({}, PROPOSALS[name] | overrides)


def test_tokens_are_proposed_in_one_way_only():
    both = PROPOSALS["speculative_decoding"] | PROPOSALS["pytorch.prompt_lookup_num_tokens"]
    assert "exclude each other; keep one" in complaint({}, both)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", "5"), ("n", 5.0), ("n", True), ("decoder.temperature", "0.5"), ("decoder.temperature", True),
        ("warmup.enabled", 1), ("warmup.enabled", "yes"), ("decoder.temperature", float("nan")),
        ("baseline.duration_seconds", float("inf")), ("model", 5), ("pytorch.use_cache", 0),
    ],
)  # fmt: skip
def test_nothing_is_converted_silently(name, value):
    assert complaint({}, {name: value})


def test_null_as_energy_backend_is_a_choice():
    assert build_experiment_config({"model": "m", "energy": {"backend": None}}).energy.backend == "null"


def test_devices_are_numbers_after_a_round_trip_through_json():
    fields = {"model": "m", "pytorch": {"device_map": "auto", "max_memory": {0: "1GiB", "cpu": "2GiB"}}}
    config = build_experiment_config(fields)
    again = ExperimentConfig.model_validate_json(config.model_dump_json())
    assert again.pytorch.max_memory == {0: "1GiB", "cpu": "2GiB"}
    assert again == config


def test_the_output_limit_is_that_of_the_synthetic_dataset_if_there_is_one():
    assert build_experiment_config({"model": "m"}).output_limit == 128
    assert build_experiment_config({"model": "m", "dataset": {"n": 100, "output_len": 7}}).output_limit == 7


EFFECTIVE = [name for name in dir(PyTorchConfig) if name.startswith("effective_")]


@pytest.mark.parametrize("name", EFFECTIVE)
def test_effective_defaults_are_written_once_and_described_in_the_same_way(name):
    described = PyTorchConfig.model_fields[name.removeprefix("effective_")].json_schema_extra
    meant = getattr(PyTorchConfig(), name)
    assert described == {"effective_default": meant if isinstance(meant, str) else json.dumps(meant)}
    assert getattr(PyTorchConfig(), name.removeprefix("effective_")) is None


def test_a_chosen_value_has_priority_over_the_effective_default():
    section = PyTorchConfig(batch_size=8, batching_strategy="dynamic", device="cpu", num_processes=2, use_cache=False)
    assert [getattr(section, name) for name in EFFECTIVE] == [8, "dynamic", "cpu", 2, False]


def test_a_study_needs_an_experiment():
    with pytest.raises(ValidationError, match="a study needs at least one experiment"):
        StudyConfig(experiments=())


def test_a_study_with_a_wrong_experiment_complains_about_that_one_only():
    with pytest.raises(ValidationError) as caught:
        StudyConfig.model_validate({"experiments": [{"model": "m", "n": 0}]})
    assert [error["loc"] for error in caught.value.errors()] == [("experiments", 0, "n")]


@pytest.mark.parametrize(
    "key",
    [
        "token", "hf_token", "HF_TOKEN", "hf-token", "hub_token", "use_auth_token", "accessToken", "api_key", "apiKey",
        "openai_api_key", "password", "client_secret", "aws_secret_access_key", "private_key", "db_credentials", "auth",
    ],
)  # fmt: skip
def test_a_key_that_looks_like_a_credential_is_refused(key):
    assert "set the environment variable HF_TOKEN instead" in complaint({"passthrough_kwargs": {key: "x"}})
    assert "set the environment variable HF_TOKEN instead" in complaint({"passthrough_kwargs": {"a": [{key: "x"}]}})


@pytest.mark.parametrize(
    "value", ["hf_abcdefgh1234", "sk-abcdefgh1234", "Bearer ghp_abcdefgh1234", "https://user:word@host/path"]
)
def test_a_value_that_looks_like_a_credential_is_refused_and_not_repeated(value):
    with pytest.raises(ValidationError) as caught:
        build_experiment_config({"model": "m", "passthrough_kwargs": {"x": {"y": [value]}}})
    assert "HF_TOKEN" in str(caught.value)
    assert value not in str(caught.value)
    assert value not in repr(caught.value.errors())


@pytest.mark.parametrize(
    "kwargs",
    [
        {"pad_token": "<pad>"}, {"eos_token_id": 2}, {"suppress_tokens": [1, 2]}, {"guidance_scale": 1.5}, {"author": "x"},
        {"token_healing": True}, {"stop_strings": ["a:b@c"]}, {"cache_dir": "/data"}, {"nested": {"a": [None, {"b": 1}]}},
    ],
)  # fmt: skip
def test_ordinary_arguments_pass_through(kwargs):
    assert build_experiment_config({"model": "m", "passthrough_kwargs": kwargs}).passthrough_kwargs == kwargs


@pytest.mark.parametrize("name", ["model", "batch_size", "num_beams", "max_new_tokens", "dtype", "temperature"])
def test_what_has_a_field_of_its_own_may_not_pass_through(name):
    assert f"passthrough_kwargs may not set '{name}'" in complaint({"passthrough_kwargs": {name: 1}})


def test_no_field_of_an_experiment_may_pass_through():
    for path in field_paths(ExperimentConfig):
        if path[0] in ("decoder", "pytorch") or len(path) == 1:
            assert "may not set" in complaint({"passthrough_kwargs": {path[-1]: 1}}), path


def circular():
    inner = {}
    inner["again"] = inner
    return inner


def deep(levels):
    value = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("nan"), "passthrough_kwargs.x is a float that JSON cannot hold"),
        ({1, 2}, "passthrough_kwargs.x is a set that JSON cannot hold"),
        (object(), "is a object that JSON cannot hold"),
        ({"a": {1: 2, "b": 3}}, "passthrough_kwargs.x.a has the key 1, which is not text; quote it"),
        (circular(), "is a dict that JSON cannot hold"),
        (deep(100_000), "is a list that JSON cannot hold"),
    ],
    ids=["nan", "set", "object", "number as key", "circular", "deep"],
)
def test_what_json_cannot_hold_may_not_pass_through(value, words):
    assert words in complaint({"passthrough_kwargs": {"x": value}})


def test_a_chat_template_needs_prompts_of_text():
    with pytest.raises(ValueError, match="apply_chat_template needs prompts of text"):
        build_experiment_config({"model": "m", "n": 2, "apply_chat_template": True, "dataset": {"n": 2}})
