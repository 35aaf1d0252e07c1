"""The fields of a configuration by their dotted names, for display."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llenergymeasure.config.models import ExperimentConfig, without_unset


def set_fields(config: ExperimentConfig) -> dict[str, str]:
    """Every field that is not null, by its dotted name, in the order of the models."""
    return {name: shown(value) for name, value in flat(without_unset(config.model_dump(mode="json")))}


def differences(configs: Sequence[ExperimentConfig]) -> list[str]:
    """For each configuration, the fields that differ between the configurations; empty texts where all agree."""
    fields = [set_fields(config) for config in configs]
    names = list(dict.fromkeys(name for each in fields for name in each))
    differing = [name for name in names if len({each.get(name) for each in fields}) > 1]
    return [", ".join(f"{name}={each.get(name, 'default')}" for name in differing) for each in fields]


def flat(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its dotted name; an empty mapping counts as a value."""
    for name, value in fields.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def shown(value: Any) -> str:
    """A value as it is written in a configuration file."""
    return value if isinstance(value, str) else json.dumps(value)
