"""From files and overrides to configurations. Precedence: command line > YAML > user config > defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llenergymeasure.config.models import ExperimentConfig, StudyConfig
from llenergymeasure.config.yaml_file import parse_value, read_experiment
from llenergymeasure.exceptions import ConfigError


def load_experiment_config(path: str | Path, overrides: Mapping[str, Any] | None = None) -> ExperimentConfig:
    """Read one experiment.

    Args:
        path: YAML file.
        overrides: values by dotted field name, such as `{"pytorch.batch_size": 4}`; they win over the file.

    Raises:
        ConfigError: the file cannot be understood, or an override goes below a plain value.
        pydantic.ValidationError: a field is wrong.
    """
    return build_experiment_config(read_experiment(path), overrides)


def load_study_config(path: str | Path, overrides: Mapping[str, Any] | None = None) -> StudyConfig:
    """Read a study: an `experiments:` list, each over an optional common `base:`; or one experiment.

    Raises:
        ConfigError: the file cannot be understood, or asks for a sweep.
        pydantic.ValidationError: a field is wrong.
    """
    fields = read_experiment(path)
    if "sweep" in fields:
        raise ConfigError(
            f"{path}: 'sweep' comes with a later release; list the experiments one by one under 'experiments:'"
        )
    if "experiments" not in fields:
        return StudyConfig(experiments=(build_experiment_config(fields, overrides),))
    listed = [with_overrides(each, overrides) for each in _experiments(fields, str(path))]
    return StudyConfig.model_validate({"experiments": listed})


def _experiments(fields: Mapping[str, Any], source: str) -> list[dict[str, Any]]:
    unknown = sorted(set(fields) - {"experiments", "base"})
    if unknown:
        raise ConfigError(f"{source}: '{unknown[0]}' beside 'experiments:'; put what all share under 'base:'")
    base, listed = fields.get("base") or {}, fields["experiments"]
    if not isinstance(base, dict):
        raise ConfigError(f"{source}: 'base' must be a mapping")
    if not isinstance(listed, list) or not listed or not all(isinstance(each, dict) for each in listed):
        raise ConfigError(f"{source}: 'experiments' must be a list of mappings with at least one entry")
    return [merged(base, each) for each in listed]


def build_experiment_config(fields: Mapping[str, Any], overrides: Mapping[str, Any] | None = None) -> ExperimentConfig:
    """An experiment from fields, and overrides by dotted name.

    Raises:
        ConfigError: an override goes below a plain value.
        pydantic.ValidationError: a field is wrong.
    """
    return ExperimentConfig.model_validate(with_overrides(fields, overrides))


def with_overrides(fields: Mapping[str, Any], overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    """Fields with every override in its place.

    Raises:
        ConfigError: an override goes below a plain value.
    """
    combined = merged({}, fields)
    for name, value in (overrides or {}).items():
        _set(combined, name, value)
    return combined


def parse_override(text: str) -> tuple[str, Any]:
    """`pytorch.batch_size=4` as name and value; the value is read as YAML.

    Raises:
        ConfigError: there is no `=`, a part of the name is empty, or the value is not YAML.
    """
    name, equals, value = text.partition("=")
    if not equals or not all(part.strip() for part in name.split(".")):
        raise ConfigError(f"--set {text!r} is not KEY=VALUE; for example: --set pytorch.batch_size=4")
    return name.strip(), parse_value(value)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two mappings as one, the second winning, mapping by mapping. Neither is changed."""
    result = dict(below)
    for key, value in above.items():
        lower = result.get(key)
        result[key] = merged(lower if isinstance(lower, dict) else {}, value) if isinstance(value, dict) else value
    return result


def _set(fields: dict[str, Any], name: str, value: Any) -> None:
    *path, last = name.split(".")
    inner = fields
    for depth, part in enumerate(path):
        if inner.get(part) is None:
            inner[part] = {}
        inner = inner[part]
        if not isinstance(inner, dict):
            place = ".".join(path[: depth + 1])
            raise ConfigError(f"'{name}' cannot be set: {place} is {inner!r}, not a section")
    inner[last] = value
