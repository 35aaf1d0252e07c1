"""Builds the experiments of a command line."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from llenergymeasure.config.files.yaml import Document, read_experiment
from llenergymeasure.config.loader import parse_override
from llenergymeasure.config.study.load import NO_FILE, explain_study_error, load_study_config
from llenergymeasure.config.study.models import ExecutionConfig, StudyConfig
from llenergymeasure.exceptions import ConfigError

__all__ = ["Document", "names_of", "read_file", "study_again", "study_of"]

COMMAND_LINE = "the command line"


def read_file(path: Path) -> Document:
    """A configuration file, read once: a pipe has its text only once.

    Raises:
        ConfigError: the file cannot be read, or the working directory was removed.
    """
    _check_working_directory()
    return read_experiment(path)


def study_of(
    config: Path | Document | None,
    flags: Mapping[str, Any],
    assignments: Sequence[str],
    sweeps: Sequence[str] = (),
    options: Mapping[str, str] = MappingProxyType({}),
) -> StudyConfig:
    """The study of a file, with the values of the command line.

    Args:
        config: YAML file, or what was read of one; None = all values come from the command line.
        flags: values by dotted field name; those of the study are `execution.n_cycles` and the like.
        assignments: texts of `--set`.
        sweeps: texts of `--sweep`.
        options: the option of each dotted field name in `flags`, for messages.

    Raises:
        ConfigError: the file or an option is not valid; with every problem.
    """
    _check_working_directory()
    assigned = _assigned(flags, assignments, options)
    overrides = {name: value.content for name, value in assigned.items()}
    document = read_experiment(config) if isinstance(config, Path) else config
    if document is None and "model" not in overrides and not sweeps:
        raise ConfigError("no config file and no --model", "for example: llem run --model builtin/tiny-llama -n 20")
    try:
        return load_study_config(document or NO_FILE, overrides, sweeps, assigned)
    except ValidationError as error:
        raise explain_study_error(error, document, assigned) from error


def _assigned(flags: Mapping[str, Any], assignments: Sequence[str], options: Mapping[str, str]) -> dict[str, Document]:
    """The values of the command line by dotted field name, with the option of each as its source."""
    given = {name: Document(options.get(name, COMMAND_LINE), value, {}, {}) for name, value in flags.items()}
    return given | {name: replace(value, source="--set") for name, value in map(parse_override, assignments)}


def study_again(
    folder: Path,
    flags: Mapping[str, Any],
    assignments: Sequence[str],
    sweeps: Sequence[str] = (),
    options: Mapping[str, str] = MappingProxyType({}),
) -> StudyConfig:
    """The study in a folder, to be continued; the command line may change how it is run, and not what it measures.

    Raises:
        ConfigError: the folder has no study, or an option is not valid.
    """
    from llenergymeasure.study.files.resume import read_config  # noqa: PLC0415 - needs the result types, which take long

    study = read_config(folder)
    assigned = _assigned(flags, assignments, options)
    changed = [name for name in assigned if not name.startswith("execution.")] + list(sweeps)
    if changed:
        raise ConfigError(f"{changed[0]} cannot change what the study in {folder} measures", "give the file too")
    of_execution = {name.partition(".")[2]: value for name, value in assigned.items()}
    execution = study.execution.model_dump(exclude_unset=True) | {
        name: value.content for name, value in of_execution.items()
    }
    try:
        return study.model_copy(update={"execution": ExecutionConfig.model_validate(execution)})
    except ValidationError as error:
        from llenergymeasure.config.messages.explain import explain_validation_error  # noqa: PLC0415 - only an error needs it

        raise explain_validation_error(error, None, ExecutionConfig, of_execution) from error


def names_of(flags: Mapping[str, Any], assignments: Sequence[str]) -> frozenset[str]:
    """The dotted names of all fields that a command line sets.

    Raises:
        ConfigError: a text of `--set` is not valid.
    """
    return frozenset([*flags, *(name for name, _ in map(parse_override, assignments))])


def _check_working_directory() -> None:
    """Check that the working directory exists, because relative paths depend on it.

    Raises:
        ConfigError: it was removed.
    """
    try:
        os.getcwd()  # noqa: PTH109 - Path.cwd() is the same call
    except OSError:
        raise ConfigError("the working directory no longer exists", "change to an existing directory") from None
