"""From a command line to the experiments it asks for."""

from __future__ import annotations

import pytest

from llenergymeasure._api.request import study_of
from llenergymeasure.exceptions import ConfigError


def test_the_command_line_overrides_the_file(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("model: m\nn: 4\n")
    (config,) = study_of(file, {"n": 8}, ["pytorch.batch_size=2"]).experiments
    assert (config.model, config.n, config.pytorch.batch_size) == ("m", 8, 2)


def test_axes_and_settings_of_the_execution_make_a_study():
    study = study_of(None, {"model": "m", "execution.n_cycles": 5}, ["n=3"], ["precision=bf16,fp16"])
    assert [(each.precision, each.n) for each in study.experiments] == [("bf16", 3), ("fp16", 3)]
    assert study.n_cycles == 5


def test_a_model_may_be_an_axis():
    assert [each.model for each in study_of(None, {}, [], ["model=a,b"]).experiments] == ["a", "b"]


def test_an_axis_without_a_model_is_asked_for_one():
    with pytest.raises(ConfigError, match=r"the command line: model: is missing; give it a value"):
        study_of(None, {}, [], ["n=1,2"])


def test_without_file_and_model_an_example_is_given():
    with pytest.raises(ConfigError, match="for example: llem run --model"):
        study_of(None, {}, [])


def test_a_wrong_value_gives_a_clear_message():
    with pytest.raises(ConfigError, match="precision"):
        study_of(None, {"model": "m", "precision": "fp64"}, [])


FLAGS = {"pytorch.batch_size": "--batch-size", "precision": "--precision", "execution.n_cycles": "--cycles"}


def refusal(tmp_path, text, flags=(), assignments=(), sweeps=()):
    file = tmp_path / "c.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        study_of(file, dict(flags), assignments, sweeps, FLAGS)
    return str(caught.value).replace(str(file), "c.yaml")


def test_a_wrong_value_of_a_flag_names_the_flag(tmp_path):
    one = refusal(tmp_path, "model: m\n", {"pytorch.batch_size": 0})
    assert one == "--batch-size: pytorch.batch_size: 0: must be greater than or equal to 1"
    cycles = refusal(tmp_path, "model: m\n", {"execution.n_cycles": 0})
    assert cycles == "--cycles: execution.n_cycles: 0: must be greater than or equal to 1"


def test_a_wrong_value_of_a_flag_names_the_flag_in_a_study_too(tmp_path):
    one = refusal(tmp_path, "model: m\nsweep: {n: [1, 2]}\n", {"pytorch.batch_size": 0})
    assert one == "--batch-size: pytorch.batch_size: 0: must be greater than or equal to 1"
    listed = refusal(tmp_path, "experiments:\n- {model: m}\n", {"pytorch.batch_size": 0})
    assert listed == "--batch-size: experiments.0.pytorch.batch_size: 0: must be greater than or equal to 1"


def test_problems_of_a_file_and_of_flags_each_name_their_place(tmp_path):
    text = refusal(tmp_path, "model: m\nn: 0\n", {"pytorch.batch_size": 0}, ["batchsize=4"])
    assert text == (
        "3 problems in c.yaml\n- line 2: n: 0: must be greater than or equal to 1\n"
        "- --batch-size: pytorch.batch_size: 0: must be greater than or equal to 1\n"
        "- --set: batchsize: there is no such field; did you mean 'pytorch.batch_size'?"
    )


def test_a_flag_that_does_not_fit_to_the_file_names_the_flag(tmp_path):
    text = refusal(tmp_path, "model: m\nbackend: pytorch\n", {"precision": "int8"})
    assert text.startswith("--precision: precision 'int8' is not supported by backend 'pytorch'")


def test_a_flag_that_sets_an_axis_is_named(tmp_path):
    text = refusal(tmp_path, "model: m\nsweep: {precision: [bf16, fp32]}\n", {"precision": "bf16"})
    assert "is an axis of the sweep, and --precision sets precision for all cells; remove one" in text


def test_a_wrong_value_in_the_file_is_not_called_that_of_a_flag(tmp_path):
    text = refusal(tmp_path, "model: m\nprecision: bf61\n", {"pytorch.batch_size": 4})
    assert text.startswith("c.yaml, line 2: precision")
