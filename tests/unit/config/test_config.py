"""Configurations: every parameter by introspection, the hash, and reading files."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from llenergymeasure import ExperimentConfig, StudyConfig
from llenergymeasure.config.files.yaml import read_document
from llenergymeasure.config.introspection import invalid_examples, parameters, valid_example
from llenergymeasure.config.loader import (
    build_experiment_config,
    load_experiment_config,
    parse_override,
)
from llenergymeasure.config.ssot import BACKENDS
from llenergymeasure.config.study.load import load_study_config
from llenergymeasure.config.study.models import ExecutionConfig
from llenergymeasure.config.user_config import UserConfig, load_user_config, resolve_measurement, resolve_runner
from llenergymeasure.exceptions import ConfigError

ALL = parameters()
BASE = {"model": "org/m"}


def build(overrides):
    return build_experiment_config(BASE, overrides)


@pytest.mark.parametrize(
    "parameter", [*ALL, *parameters(UserConfig), *parameters(ExecutionConfig)], ids=lambda p: p.name
)
def test_every_parameter_is_described(parameter):
    assert len(parameter.description) > 8


OF_BACKENDS = [p for p in ALL if p.name.split(".")[0] in BACKENDS and not p.required]


@pytest.mark.parametrize("parameter", OF_BACKENDS, ids=lambda p: p.name)
def test_every_field_of_a_backend_defaults_to_none_and_states_the_effective_default(parameter):
    assert parameter.default is None
    assert parameter.effective_default


@pytest.mark.parametrize("parameter", ALL, ids=lambda p: p.name)
def test_every_parameter_can_be_set_and_is_distinguished_by_the_hash(parameter):
    with_it = valid_example(parameter)
    prerequisites = {name: value for name, value in with_it.items() if name != parameter.name}
    try:
        before = build(prerequisites)
    except ValidationError:  # a prerequisite that is not valid alone
        before = build({})
    after = build(with_it)
    assert after != before
    assert after.config_hash != before.config_hash


@pytest.mark.parametrize("parameter", [p for p in ALL if invalid_examples(p)], ids=lambda p: p.name)
def test_every_bound_and_choice_is_enforced(parameter):
    for value in invalid_examples(parameter):
        with pytest.raises(ValidationError) as caught:
            build({**valid_example(parameter), parameter.name: value})
        complaints = [f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in caught.value.errors()]
        assert any(parameter.name.rpartition(".")[2] in complaint for complaint in complaints), complaints


@pytest.mark.parametrize("parameter", ALL, ids=lambda p: p.name)
def test_every_configuration_survives_json(parameter):
    config = build(valid_example(parameter))
    assert ExperimentConfig.model_validate_json(config.model_dump_json()) == config


GOLDEN = {
    "plain": ({}, "4b4336d019100374"),
    "vllm": ({"backend": "vllm", "precision": "fp16", "vllm": {"max_num_seqs": 4}}, "18249f424b1601bd"),
    "quick": ({"n": 20, "pytorch": {"batch_size": 4}, "decoder": {"repetition_penalty": 1.1}}, "65bac0e14dfe74b9"),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_the_hash_never_changes(case):
    fields, expected = GOLDEN[case]
    assert ExperimentConfig(**{"model": "x", **fields}).config_hash == expected


def test_an_empty_section_is_no_section():
    assert build({"pytorch": {}}).config_hash == build({}).config_hash


def test_an_explicit_effective_default_is_another_choice():
    assert build({"pytorch.batch_size": 1}).config_hash != build({}).config_hash


def test_a_passthrough_value_of_none_counts():
    assert build({"passthrough_kwargs": {"stop_strings": None}}).config_hash != build({}).config_hash


def test_the_hash_is_the_same_in_another_process():
    code = "from llenergymeasure import ExperimentConfig as E; print(E(model='x').config_hash)"
    environ = {"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout.strip() == GOLDEN["plain"][1]


def test_yaml_s_null_switches_energy_off():
    assert build({"energy": {"backend": None}}).energy.backend == "null"


@pytest.mark.parametrize("value", [True, "4", 4.0])
def test_an_integer_is_not_guessed(value):
    with pytest.raises(ValidationError, match="valid integer"):
        build({"n": value})


@pytest.mark.parametrize("value", [True, "0.5", float("nan"), float("inf")])
def test_a_number_is_not_guessed_and_is_finite(value):
    with pytest.raises(ValidationError, match=r"decoder\.temperature\n.*(a number is needed, not|finite number)"):
        build({"decoder.temperature": value, "decoder.decoding_strategy": "sampling"})


def test_the_synthetic_dataset_decides_the_output_length():
    assert build({"dataset": {"n": 100, "output_len": 9}}).output_limit == 9


def write(directory: Path, text: str) -> Path:
    path = directory / "x.yaml"
    path.write_text(text)
    return path


def test_the_command_line_wins_over_the_file_section_by_section(tmp_path):
    path = write(tmp_path, "version: '2.0'\nmodel: a\nn: 5\npytorch: {batch_size: 2, use_cache: true}\n")
    config = load_experiment_config(path, {"n": 9, "pytorch.batch_size": 4})
    assert (config.model, config.n, config.pytorch.batch_size, config.pytorch.use_cache) == ("a", 9, 4, True)


def test_one_experiment_is_a_study_of_one(tmp_path):
    path = write(tmp_path, "model: a\n")
    assert load_study_config(path) == StudyConfig(experiments=[ExperimentConfig.from_yaml(path)])


def test_experiments_share_a_base(tmp_path):
    path = write(tmp_path, "base: {model: a, n: 5}\nexperiments: [{}, {n: 6}]\n")
    assert [each.n for each in load_study_config(path).experiments] == [5, 6]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n=4", ("n", 4)),
        ("energy.backend=null", ("energy.backend", None)),
        ("decoder.temperature=1e-1", ("decoder.temperature", 0.1)),
        ("pytorch.max_memory={0: 20GiB}", ("pytorch.max_memory", {0: "20GiB"})),
        ("model=a=b", ("model", "a=b")),
    ],
)
def test_overrides_are_read_as_yaml(text, expected):
    name, value = parse_override(text)
    assert (name, value.content) == expected


@given(st.text(max_size=60))
def test_no_text_whatsoever_gives_anything_but_a_mapping_or_a_config_error(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(ConfigError):
        assert isinstance(read_document(path).content, dict)


def test_an_absent_user_config_gives_the_defaults_without_a_message(tmp_path):
    assert load_user_config(tmp_path / "nowhere" / "config.yaml") == UserConfig()


def test_the_environment_wins_over_the_user_config():
    user = UserConfig(measurement={"carbon_intensity_gco2_kwh": 100, "datacenter_pue": 1.2})
    assert resolve_measurement(user, {}).carbon_intensity_gco2_kwh == 100
    machine = resolve_measurement(user, {"LLEM_CARBON_INTENSITY": "40"})
    assert (machine.carbon_intensity_gco2_kwh, machine.datacenter_pue) == (40, 1.2)


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "", "much"])
def test_a_variable_that_is_no_number_is_an_error(value):
    with pytest.raises(ConfigError, match="LLEM_CARBON_INTENSITY"):
        resolve_measurement(UserConfig(), {"LLEM_CARBON_INTENSITY": value})


def test_singularity_is_understood_and_not_in_this_release():
    with pytest.raises(ConfigError, match="cannot use singularity"):
        resolve_runner("pytorch", UserConfig(), {"LLEM_RUNNER_PYTORCH": "singularity:/x.sif"})


def test_an_unknown_runner_is_an_error():
    with pytest.raises(ConfigError, match="valid: local"):
        resolve_runner("pytorch", UserConfig(runners={"pytorch": "cloud"}), {})
