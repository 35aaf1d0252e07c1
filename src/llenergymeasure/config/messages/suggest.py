"""Suggests valid names for a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from pydantic import BaseModel

from llenergymeasure.config.messages.location import field_paths
from llenergymeasure.config.models import STUDY_KEYS, ExperimentConfig


def nearest(name: str, valid: Iterable[str]) -> str:
    """`did you mean 'x'?`, or nothing when no valid name is close."""
    return _asked(difflib.get_close_matches(name, list(valid), n=1))


def did_you_mean(key: str, owner: type[BaseModel] | None) -> str:
    """A suggestion of up to three similar fields for an unknown key, or else the list of valid fields."""
    if owner is None:
        return ""
    if owner is ExperimentConfig and key in STUDY_KEYS:
        return f"'{key}:' is a key of a study: write it at the top of its file"
    fields = list(owner.model_fields)
    close = [name for name in fields if key in name.split("_")] + _elsewhere(key, owner)
    if not close:
        keys = STUDY_KEYS if owner is ExperimentConfig else ()
        close = difflib.get_close_matches(key, [*fields, *keys], n=1) or _elsewhere_close(key, owner)
    return _asked(close[:3]) or f"valid: {', '.join(fields)}"


def _asked(names: Sequence[str]) -> str:
    return f"did you mean {' or '.join(repr(name) for name in names)}?" if names else ""


def _elsewhere(key: str, owner: type[BaseModel]) -> list[str]:
    """Fields of exactly this name in other parts of an experiment, dotted."""
    paths = [path for path in field_paths(ExperimentConfig) if path[-1] == key]
    return [".".join(path) for path in paths if len(path) > 1 or owner is not ExperimentConfig]


def _elsewhere_close(key: str, owner: type[BaseModel]) -> list[str]:
    names = {path[-1] for path in field_paths(ExperimentConfig)}
    close = difflib.get_close_matches(key, names, n=1, cutoff=0.8)
    return _elsewhere(close[0], owner) if close else []
