"""The fields of a configuration by their dotted names, for display."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from llenergymeasure.config.hashing import without_unset
from llenergymeasure.config.models import ExperimentConfig

# In place of the setting `precision`, which has no effect on a server.
PRECISION_OF_SERVER = "not known: the server has its own"


def set_fields(config: ExperimentConfig) -> dict[str, str]:
    """Every field that is not null, by its dotted name, in the order of the models."""
    return {name: shown(value) for name, value in flat(without_unset(config.model_dump(mode="json")))}


def effective_fields(config: ExperimentConfig) -> dict[str, str]:
    """As `set_fields`, but without the number format of a server, to which none is sent."""
    fields = set_fields(config)
    return {**fields, "precision": PRECISION_OF_SERVER} if config.backend == "server" else fields


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
