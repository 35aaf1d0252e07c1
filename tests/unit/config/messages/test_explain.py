"""A message about a wrong configuration names, for each wrong field, the line, the value, the problem and a similar valid name."""

from __future__ import annotations

import os
import threading

import pytest
from pydantic import ValidationError, model_validator

from llenergymeasure.config.base import ConfigModel, FieldError
from llenergymeasure.config.files.yaml import read_experiment
from llenergymeasure.config.loader import build_experiment_config, parse_override
from llenergymeasure.config.messages.explain import explain_validation_error
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.load import explain_study_error, load_study_config


def problems_of(text, source="the configuration"):
    """The problems without the name of their source."""
    head, *several = text.split("\n")
    if several:
        assert head == f"{len(several)} problems in {source}"
        return [line.removeprefix("- ") for line in several]
    return [head.removeprefix(f"{source}, ").removeprefix(f"{source}: ")]


def lines_of(fields, overrides=None):
    with pytest.raises(ValidationError) as caught:
        build_experiment_config({"model": "m", **fields}, overrides)
    return problems_of(str(explain_validation_error(caught.value)))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"bacth_size": 1}, "bacth_size: there is no such field; did you mean 'pytorch.batch_size'?"),
        ({"batch_size": 1}, "batch_size: there is no such field; did you mean 'pytorch.batch_size'?"),
        ({"batchsize": 1}, "batchsize: there is no such field; did you mean 'pytorch.batch_size'?"),
        ({"bse": 1}, "bse: there is no such field; did you mean 'base'?"),
        ({"precison": "bf16"}, "precison: there is no such field; did you mean 'precision'?"),
        ({"seed": 1}, "seed: there is no such field; did you mean 'random_seed' or 'dataset.seed' or 'traffic.seed'?"),
        ({"pytorch": {"batchsize": 1}}, "pytorch.batchsize: there is no such field; did you mean 'pytorch.batch_size'?"),
        ({"pytorch": {"precision": 1}}, "pytorch.precision: there is no such field; did you mean 'precision'?"),
        ({"warmup": {"qqq": 1}}, "warmup.qqq: there is no such field; valid: enabled, n_warmup, max_new_tokens"),
        (
            {"dataset": {"n": 200, "len": 5}},
            "dataset.len: there is no such field; did you mean 'dataset.input_len' or 'dataset.output_len'?",
        ),
        ({"precision": "bf61"}, "precision: \"bf61\": valid: fp32, fp16, bf16, int8, fp8, int4; did you mean 'bf16'?"),
        ({"pytorch": {"load_format": False}}, "pytorch.load_format: false: valid: auto, dummy; quote it: YAML reads"),
        ({"n": 0}, "n: 0: must be greater than or equal to 1"),
        ({"random_seed": 2**32}, "random_seed: 4294967296: must be less than 4294967296"),
        ({"decoder": {"top_p": 2}}, "decoder.top_p: 2: must be less than or equal to 1"),
        ({"decoder": {"top_p": 0}}, "decoder.top_p: 0: must be greater than 0"),
        ({"n": "ten"}, 'n: "ten": a whole number is needed'),
        ({"n": 1.5}, "n: 1.5: a whole number is needed"),
        ({"n": True}, "n: true: a whole number is needed"),
        ({"decoder": {"temperature": "0.5"}}, "decoder.temperature: a number is needed, not '0.5'"),
        ({"decoder": {"temperature": float("inf")}}, "decoder.temperature: Infinity: a finite number is needed"),
        ({"model": 5}, 'model: 5: text is needed; quote it: "5"'),
        ({"model": True}, "model: true: text is needed; quote it: YAML reads yes, no, on and off as true and false"),
        ({"model": ""}, "model: must not be empty; write a value or remove the key"),
        ({"warmup": {"enabled": "yes"}}, 'warmup.enabled: "yes": true or false is needed'),
        ({"decoder": None}, "decoder: null: a mapping is needed; remove the key, or write something below it"),
        ({"pytorch": 5}, "pytorch: 5: a mapping is needed"),
        ({"dataset": 5}, 'dataset: 5: text or a mapping is needed; quote it: "5"'),
        ({"dataset": ["a"]}, 'dataset: ["a"]: text or a mapping is needed'),
        ({"dataset": {}}, "dataset.n: is missing; give it a value"),
        ({"dataset": {"n": 0}}, "dataset.n: 0: must be greater than or equal to 1"),
        ({"pytorch": {"device_map": {"a": 1.5}}}, "pytorch.device_map.a: 1.5: text or a whole number is needed"),
        ({"pytorch": {"device_map": 1.5}}, "pytorch.device_map: 1.5: text or a mapping is needed"),
        ({"passthrough_kwargs": {1: 2}}, "passthrough_kwargs.1: 1: text is needed"),
        ({"model_name": "x"}, "'model_name' is now called 'model'; rename it"),
        ({"fp_precision": "x"}, "'fp_precision' is now called 'precision'; rename it"),
        ({"num_input_prompts": 5}, "'num_input_prompts' is now called 'n'; rename it"),
        (
            {"model_name": "x", "num_input_prompts": 5},
            "'model_name' is now called 'model', 'num_input_prompts' is now called 'n'; rename them",
        ),
        ({"precision": "fp8"}, "precision 'fp8' is not supported by backend 'pytorch'; valid: fp32, fp16, bf16"),
        ({"vllm": {}}, "section 'vllm' belongs to another backend: backend is 'pytorch'; remove the section or set backend: vllm"),
        ({"lora": {}}, "lora: lora needs exactly one of adapter_id and adapter_path"),
        ({"pytorch": {"torch_compile_mode": "default"}}, "pytorch: torch_compile_mode has no effect without torch_compile"),
        ({"passthrough_kwargs": {"num_beams": 2}}, "passthrough_kwargs may not set 'num_beams': it is a declared field"),
    ],
)  # fmt: skip
def test_one_problem_is_one_line(fields, expected):
    (line,) = lines_of(fields)
    assert line.startswith(expected)


def test_every_problem_has_its_line_and_no_link_leads_to_pydantic():
    lines = lines_of({"n": 0, "warmup": {"enabled": 1}, "nope": 1, "dataset": {"n": "x", "m": 1}})
    assert [line.split(":")[0] for line in lines] == ["dataset.n", "dataset.m", "n", "warmup.enabled", "nope"]
    assert "pydantic" not in "".join(lines)


def test_a_missing_model_is_asked_for():
    with pytest.raises(ValidationError) as caught:
        ExperimentConfig.model_validate({})
    assert str(explain_validation_error(caught.value)).endswith(": model: is missing; give it a value")


@pytest.mark.parametrize(
    "fields",
    [
        {"passthrough_kwargs": {"hf_token": "hf_abcdefgh1234"}},
        {"passthrough_kwargs": {"x": ["hf_abcdefgh1234"]}},
        {"hf_token": "hf_abcdefgh1234"},
        {"pytorch": {"token": "hf_abcdefgh1234"}},
        {"n": "hf_abcdefgh1234"},
        {"precision": "hf_abcdefgh1234"},
        {"decoder": {"temperature": "hf_abcdefgh1234"}},
        {"pytorch": "hf_abcdefgh1234"},
        {"dataset": ["hf_abcdefgh1234"]},
        {"precision": "fp8", "passthrough_kwargs": {"api_key": "hf_abcdefgh1234"}},
    ],
)
def test_a_secret_is_never_repeated(fields):
    assert "abcdefgh" not in "".join(lines_of(fields))


def test_a_credential_is_answered_with_the_place_where_it_belongs():
    (line,) = lines_of({"passthrough_kwargs": {"hf_token": "hf_abcdefgh1234"}})
    assert "'hf_token'" in line
    assert "set the environment variable HF_TOKEN instead" in line


@pytest.fixture
def explained(tmp_path):
    def explain(text, overrides=None):
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        document = read_experiment(path)
        with pytest.raises(ValidationError) as caught:
            load_study_config(document, overrides)
        return problems_of(str(explain_study_error(caught.value, document)), source=path)

    return explain


def test_a_key_with_nothing_after_it_is_shown_as_null(explained):
    assert explained("model: m\nn:\n") == [
        "line 2: n: null: a whole number is needed; remove the key, or write something below it"
    ]


def test_the_line_of_the_key_is_named(explained):
    assert explained("model: m\npytorch:\n  batch_size: 0\nn: x\n") == [
        'line 4: n: "x": a whole number is needed',
        "line 3: pytorch.batch_size: 0: must be greater than or equal to 1",
    ]


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("model: m\nbacth_size: 1\n", "line 2: bacth_size: there is no such field"),
        ("model: m\nmax_output_token: 8\n", "line 2: max_output_token: there is no such field"),
        ("model: m\ndataset:\n  n: 0\n", "line 3: dataset.n: "),
        ("model: m\ndataset:\n  input_len: 5\n", "line 2: dataset.n: is missing"),
        ("n: 1\nmodel_name: m\n", "line 2: 'model_name' is now called 'model'"),
        ("model: m\nprecision: fp8\n", "line 2: precision 'fp8' is not supported"),
        ("model: m\nvllm: {max_num_seqs: 2}\n", "line 2: section 'vllm' belongs to another backend"),
        ("model: m\npytorch:\n  bnb_4bit_quant_type: nf4\n", "line 3: pytorch: bnb_4bit_quant_type has no effect"),
        ("model: m\npassthrough_kwargs:\n  hf_token: hf_abcdefgh1234\n", "line 3: passthrough_kwargs may not hold"),
        ("base: {model: m}\nexperiments:\n- n: 1\n- n: 0\n", "line 4: experiments.1.n: 0: must be"),
        ("base:\n  n: 0\nexperiments:\n- model: m\n", "line 2: experiments.0.n: 0: must be"),
        ("experiments:\n- n: 1\n", "line 2: experiments.0.model: is missing"),
        ("experiments:\n- model: m\n  precision: fp8\n", "line 3: experiments.0: precision 'fp8' is not supported"),
    ],
)
def test_at_every_position_of_the_problem(explained, text, start):
    (problem,) = explained(text)
    assert problem.startswith(start)


class Named(ConfigModel):
    """Refuses itself, because of one field, in words that name the other."""

    first: int
    second: int

    @model_validator(mode="after")
    def _refuse(self):
        raise FieldError("first is not the fault", "change the other one", "second")


def test_the_position_comes_from_the_fields_of_an_error_and_not_from_its_text(tmp_path):
    path = tmp_path / "named.yaml"
    path.write_text("first: 1\nsecond: 2\n", encoding="utf-8")
    document = read_experiment(path)
    with pytest.raises(ValidationError) as caught:
        Named.model_validate(document.content)
    error = explain_validation_error(caught.value, document, Named)
    assert (error.line, error.problem, error.fix) == (2, "first is not the fault", "change the other one")


def test_a_value_from_the_command_line_has_no_line(explained):
    assert explained("model: m\nn: 5\n", {"n": 0}) == ["n: 0: must be greater than or equal to 1"]
    (problem,) = explained("model: m\nprecision: bf16\n", {"precision": "fp8"})
    assert problem.startswith("precision 'fp8' is not supported")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("pytorch: {revision: 680841e1}", 'pytorch.revision: 680841e1: text is needed; quote it: "680841e1"'),
        ("pytorch: {revision: on}", 'pytorch.revision: on: text is needed; quote it: "on"'),
        ("dataset: +5", 'dataset: +5: text or a mapping is needed; quote it: "+5"'),
        ("n: 1e3", "n: 1e3: a whole number is needed"),
        ("n: 0.50e0", "n: 0.50e0: a whole number is needed"),
        ("decoder: {top_p: 20e-1}", "decoder.top_p: 20e-1: must be less than or equal to 1"),
        ("pytorch: {load_format: off}", "pytorch.load_format: off: valid: auto, dummy; quote it: YAML reads yes"),
    ],
)
def test_a_value_is_shown_as_it_is_written(explained, text, problem):
    (line,) = explained(f"model: m\n{text}\n")
    assert line.startswith(f"line 2: {problem}")
    (line,) = explained(f"base: {{model: m, {text}}}\nexperiments: [{{random_seed: 1}}]\n")
    assert line.startswith(f"line 1: experiments.0.{problem}")


@pytest.mark.parametrize("text", ["pytorch.revision=680841e1", "pytorch={revision: 680841e1}"])
def test_an_assigned_value_is_shown_as_it_is_written(text):
    assigned = dict([parse_override(text)])
    with pytest.raises(ValidationError) as caught:
        build_experiment_config({"model": "m"}, {name: each.content for name, each in assigned.items()})
    message = str(explain_validation_error(caught.value, assigned=assigned))
    assert message.endswith('pytorch.revision: 680841e1: text is needed; quote it: "680841e1"')


def test_a_number_with_the_name_of_a_secret_is_not_shown(explained):
    (line,) = explained("model: m\napi_key: 680841e1\n")
    assert "680841" not in line


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_read_once_and_has_lines_anyway(tmp_path):
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("model: m\nn: 0\n",), daemon=True)
    writer.start()
    document = read_experiment(pipe)
    with pytest.raises(ValidationError) as caught:
        load_study_config(document)
    writer.join()
    message = str(explain_validation_error(caught.value, document))
    assert message.endswith("line 2: n: 0: must be greater than or equal to 1")


def test_a_precision_that_is_quantisation_names_its_setting():
    (line,) = lines_of({"precision": "int4"})
    assert line.endswith("valid: fp32, fp16, bf16; for quantised weights set pytorch.load_in_4bit: true")
