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


def test_without_file_and_model_an_example_is_given():
    with pytest.raises(ConfigError, match="for example: llem run --model"):
        study_of(None, {}, [])


def test_a_wrong_value_is_reported_in_words():
    with pytest.raises(ConfigError, match="precision"):
        study_of(None, {"model": "m", "precision": "fp64"}, [])
