"""Builds configurations from files and overrides.

Precedence: command line > YAML > user config > defaults. The user config holds facts about the machine only. It is used
where an experiment leaves the choice open (`energy.backend: auto`), and never changes a configuration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from llenergymeasure.config.checks.passthrough import looks_like_credential
from llenergymeasure.config.files.yaml import Document, parse_value, read_experiment
from llenergymeasure.config.messages.format import cut, shown
from llenergymeasure.config.models import STUDY_KEYS, ExperimentConfig
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.security import HIDDEN

_DOTTED_NAME = re.compile(r"^[^\s.=]+(\.[^\s.=]+)*$")


def load_experiment_config(
    source: str | Path | Document, overrides: Mapping[str, Any] | None = None
) -> ExperimentConfig:
    """Read one experiment.

    Args:
        source: YAML file, or what was read of one.
        overrides: values by dotted field name, such as `{"pytorch.batch_size": 4}`; they win over the file.

    Raises:
        ConfigError: the file is not valid or is a study, or an override names a field below a plain value.
        pydantic.ValidationError: a field is wrong.
    """
    document = source if isinstance(source, Document) else read_experiment(source)
    if any(key in document.content for key in STUDY_KEYS):
        path = document.source
        raise ConfigError(f"{path} is a study, not one experiment", f"use run_study, or `llem run {path}`")
    return build_experiment_config(document.content, overrides)


def build_experiment_config(fields: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> ExperimentConfig:
    """An experiment from fields, and overrides by dotted name.

    Raises:
        ConfigError: an override goes below a plain value.
        pydantic.ValidationError: a field is wrong.
    """
    return ExperimentConfig.model_validate(with_overrides(fields, overrides))


def parse_override(text: str) -> tuple[str, Document]:
    """`pytorch.batch_size=4` as name and value; the value is read as in a file, `null` is None.

    Raises:
        ConfigError: not KEY=VALUE, an empty part in the key, no value, or a value that is not YAML.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    example = "for example pytorch.batch_size=4"
    if not equals or not _DOTTED_NAME.match(name):
        raise ConfigError(f"override {shown(text)} is not KEY=VALUE", example)
    secret = looks_like_credential(name.rpartition(".")[2], value)
    override = f"override '{cut(name)}={HIDDEN if secret else cut(value)}'"
    if not value:
        raise ConfigError(f"{override} has no value", f"{example}, or {name}=null")
    try:
        return name, parse_value(value)
    except ConfigError as error:
        raise ConfigError(f"{override} is not understood: {error}", example) from error


def with_overrides(fields: Mapping[str, Any], overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fields with all overrides applied, as a new dict.

    Raises:
        ConfigError: an override goes below a plain value.
    """
    combined = dict(fields)
    for name, value in (overrides or {}).items():
        combined = merged(combined, _nested(combined, name, value))
    return combined


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two mappings as one, the second winning, mapping by mapping. Neither is changed."""
    result = dict(below)
    for key, value in above.items():
        lower = _fields_of(result.get(key))
        result[key] = merged(lower or {}, value) if isinstance(value, Mapping) else value
    return result


def _nested(fields: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    """`{"a.b": 1}` as `{"a": {"b": 1}}`; an error where `a` is a plain value and not a section."""
    *sections, last = name.split(".")
    inside: Mapping[str, Any] = fields
    for depth, section in enumerate(sections, 1):
        held = inside.get(section)
        if held is not None and _fields_of(held) is None:
            place = ".".join(sections[:depth])
            raise ConfigError(
                f"'{name}' cannot be set: {place} is {shown(held, section)}, not a section", f"set {place} itself"
            )
        inside = _fields_of(held) or {}
    nested: dict[str, Any] = {last: value}
    for section in reversed(sections):
        nested = {section: nested}
    return nested


def _fields_of(value: Any) -> Mapping[str, Any] | None:
    """The fields of a section, given as a mapping or as a model; None for anything else."""
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_unset=True)
    return value if isinstance(value, Mapping) else None
