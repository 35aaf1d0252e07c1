"""Files, overrides and keywords become configurations; the command line wins over the file."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llenergymeasure.config.backends.pytorch import PyTorchConfig
from llenergymeasure.config.loader import (
    build_experiment_config,
    load_experiment_config,
    parse_override,
)
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.load import load_study_config
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.exceptions import ConfigError


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "config.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def complaint(call, *arguments):
    with pytest.raises(ConfigError) as caught:
        call(*arguments)
    return str(caught.value)


def test_a_file_is_an_experiment(written):
    path = written("version: 2.0\nmodel: m\nn: 7\npytorch:\n  batch_size: 2\n")
    expected = ExperimentConfig(model="m", n=7, pytorch=PyTorchConfig(batch_size=2))
    assert load_experiment_config(path) == expected
    assert load_experiment_config(str(path)) == expected
    assert ExperimentConfig.from_yaml(path) == expected


def test_an_override_replaces_the_value_of_the_file_and_keeps_the_other_fields(written):
    path = written("model: m\nn: 7\npytorch: {batch_size: 2, use_cache: false}\n")
    config = load_experiment_config(path, {"n": 8, "pytorch.batch_size": 4})
    assert (config.n, config.pytorch) == (8, PyTorchConfig(batch_size=4, use_cache=False))


@pytest.mark.parametrize("section", ["", "pytorch:\n", "pytorch: {}\n"])
def test_an_override_creates_the_section_it_needs(written, section):
    config = load_experiment_config(written(f"model: m\n{section}"), {"pytorch.batch_size": 4})
    assert config.pytorch == PyTorchConfig(batch_size=4)


def test_a_mapping_as_override_is_merged_into_its_section(written):
    path = written("model: m\npytorch: {batch_size: 2, use_cache: false}\n")
    config = load_experiment_config(path, {"pytorch": {"batch_size": 4}, "decoder.top_k": 5})
    assert config.pytorch == PyTorchConfig(batch_size=4, use_cache=False)
    assert config.decoder.top_k == 5


def test_none_as_override_unsets_a_field(written):
    path = written("model: m\nmin_output_tokens: 5\npytorch: {batch_size: 2}\n")
    config = load_experiment_config(path, {"min_output_tokens": None, "pytorch": None})
    assert config.min_output_tokens is None
    assert config.pytorch is None


def test_an_override_below_a_plain_value_is_refused(written):
    message = complaint(load_experiment_config, written("model: m\ndataset: own.jsonl\n"), {"dataset.n": 5})
    assert message == "'dataset.n' cannot be set: dataset is \"own.jsonl\", not a section; set dataset itself"


def test_fields_without_a_file_take_models_and_overrides():
    fields = {"model": "m", "pytorch": PyTorchConfig(batch_size=2, use_cache=False)}
    config = build_experiment_config(fields, {"pytorch.batch_size": 4})
    assert config.pytorch == PyTorchConfig(batch_size=4, use_cache=False)
    assert fields["pytorch"].batch_size == 2


def test_nothing_that_was_handed_in_is_changed():
    fields, overrides = {"model": "m", "pytorch": {"batch_size": 2}}, {"pytorch": {"use_cache": False}}
    build_experiment_config(fields, overrides | {"pytorch.batch_size": 4})
    assert fields == {"model": "m", "pytorch": {"batch_size": 2}}
    assert overrides == {"pytorch": {"use_cache": False}}


def test_a_wrong_field_is_reported_by_pydantic_itself(written):
    with pytest.raises(ValidationError) as caught:
        load_experiment_config(written("model: m\nn: 0\n"))
    assert caught.value.errors()[0]["loc"] == ("n",)


@pytest.mark.parametrize(
    "text", ["experiments:\n- model: m\n", "model: m\nsweep: {n: [1, 2]}\n", "model: m\nexecution: {}\n"]
)
def test_a_study_is_not_one_experiment(written, text):
    message = complaint(load_experiment_config, written(text))
    assert "is a study, not one experiment; use run_study" in message


def test_a_file_without_a_list_is_a_study_of_one(written):
    study = load_study_config(written("model: m\nn: 3\n"), {"n": 4})
    assert study == StudyConfig(experiments=(ExperimentConfig(model="m", n=4),))


def test_experiments_lie_over_their_base_and_below_the_overrides(written):
    path = written(
        "version: 1\n"
        "base: {model: m, n: 3, pytorch: {batch_size: 2, use_cache: false}}\n"
        "experiments:\n"
        "- {n: 4}\n"
        "- {model: other, pytorch: {batch_size: 8}}\n"
    )
    study = load_study_config(path, {"random_seed": 7})
    assert [(each.model, each.n, each.random_seed) for each in study.experiments] == [("m", 4, 7), ("other", 3, 7)]
    assert [each.pytorch for each in study.experiments] == [
        PyTorchConfig(batch_size=2, use_cache=False),
        PyTorchConfig(batch_size=8, use_cache=False),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("experiments: []\n", "'experiments:' is not a list with entries"),
        ("experiments: m\n", "'experiments:' is not a list with entries"),
        ("experiments:\n", "'experiments:' is not a list with entries"),
        ("experiments:\n- model: m\n- gpt2\n", 'experiment 2 is "gpt2"; write fields such as `model: ...`'),
        ("base: [1]\nexperiments:\n- model: m\n", "'base:' is [1]; write the fields"),
    ],
)
def test_a_study_that_is_not_a_list_of_experiments_is_refused(written, text, words):
    assert words in complaint(load_study_config, written(text))


def test_every_wrong_experiment_of_a_study_is_reported_at_once(written):
    path = written("experiments:\n- {model: m, n: 0}\n- {model: m}\n- {n: 1}\n")
    with pytest.raises(ValidationError) as caught:
        load_study_config(path)
    assert [error["loc"] for error in caught.value.errors()] == [("experiments", 0, "n"), ("experiments", 2, "model")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n=4", ("n", 4)),
        ("pytorch.batch_size=4", ("pytorch.batch_size", 4)),
        (" n = 4 ", ("n", 4)),
        ("model=org/model", ("model", "org/model")),
        ("decoder.temperature=1e-1", ("decoder.temperature", 0.1)),
        ("pytorch.use_cache=false", ("pytorch.use_cache", False)),
        ("max_input_tokens=null", ("max_input_tokens", None)),
        ("dataset={n: 5, input_len: 8}", ("dataset", {"n": 5, "input_len": 8})),
        ("passthrough_kwargs.suppress_tokens=[1, 2]", ("passthrough_kwargs.suppress_tokens", [1, 2])),
        ("model=a=b", ("model", "a=b")),
        ("model='4'", ("model", "4")),
    ],
)
def test_an_override_is_a_dotted_name_and_a_yaml_value(text, expected):
    name, value = parse_override(text)
    assert (name, value.content) == expected


@pytest.mark.parametrize(
    "text", ["", "n", "=4", ".n=4", "n.=4", "a..b=4", "a b=4", "n=", "n=[1", "n={a", "n='x", "n=!!set x"]
)
def test_an_override_that_is_not_understood_is_shown_with_an_example(text):
    message = complaint(parse_override, text)
    assert text in message
    assert "for example pytorch.batch_size=4" in message


@pytest.mark.parametrize("text", ["passthrough_kwargs.hf_token=[hf_abcdefgh", "hf_abcdefgh1234"])
def test_an_override_with_a_secret_is_not_repeated_in_the_message(text):
    assert "hf_abcdefgh" not in complaint(parse_override, text)
