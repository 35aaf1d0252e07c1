"""Builds the experiments of a command line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from llenergymeasure.config.files.yaml import read_experiment
from llenergymeasure.config.loader import build_experiment_config, load_study_config, parse_override
from llenergymeasure.config.messages.explain import explain_validation_error
from llenergymeasure.config.models import StudyConfig
from llenergymeasure.exceptions import ConfigError


def study_of(config: Path | None, flags: Mapping[str, Any], assignments: Sequence[str]) -> StudyConfig:
    """The experiments of a file, with the values of the command line.

    Args:
        config: YAML file; None = all values come from the command line.
        flags: values by dotted field name.
        assignments: texts of `--set`.

    Raises:
        ConfigError: the file or an option is not valid; with every problem.
    """
    _check_working_directory()
    assigned = dict(parse_override(text) for text in assignments)
    overrides = dict(flags) | {name: value.content for name, value in assigned.items()}
    document = None if config is None else read_experiment(config)
    try:
        if document is not None:
            return load_study_config(document, overrides)
        if "model" not in overrides:
            raise ConfigError("no config file and no --model", "for example: llem run --model builtin/tiny-llama -n 20")
        return StudyConfig(experiments=(build_experiment_config({}, overrides),))
    except ValidationError as error:
        raise explain_validation_error(error, document, assigned=assigned) from error


def _check_working_directory() -> None:
    """Check that the working directory exists, because relative paths depend on it.

    Raises:
        ConfigError: it was removed.
    """
    try:
        os.getcwd()  # noqa: PTH109 - Path.cwd() is the same call
    except OSError:
        raise ConfigError("the working directory no longer exists", "change to an existing directory") from None
