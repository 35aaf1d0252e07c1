"""From a command line to the experiments it asks for."""

from __future__ import annotations

import pytest

from llenergymeasure._api.request import study_of
from llenergymeasure.exceptions import ConfigError


def test_what_the_command_line_says_stands_above_the_file(tmp_path):
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


def test_a_wrong_value_is_reported_in_words():
    with pytest.raises(ConfigError, match="precision"):
        study_of(None, {"model": "m", "precision": "fp64"}, [])
