"""A study from the text of a file, and what is said about one that is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llenergymeasure.config.files.yaml import read_experiment
from llenergymeasure.config.study.load import explain_study_error, load_study_config
from llenergymeasure.exceptions import ConfigError


@pytest.fixture
def study(tmp_path):
    def load(text, overrides=None, sweeps=()):
        path = tmp_path / "study.yaml"
        path.write_text(text, encoding="utf-8")
        return load_study_config(path, overrides, sweeps)

    return load


@pytest.fixture
def complaint(study, tmp_path):
    """The message, with file names relative to the folder of the file."""

    def load(*arguments):
        with pytest.raises((ConfigError, ValidationError)) as caught:
            study(*arguments)
        error = caught.value
        if isinstance(error, ValidationError):
            error = explain_study_error(error, read_experiment(tmp_path / "study.yaml"))
        return str(error).replace(f"{tmp_path}/", "")

    return load


@pytest.fixture
def write(tmp_path):
    def file(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")

    return file
