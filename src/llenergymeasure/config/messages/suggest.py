"""Suggests valid names for a name that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pydantic import BaseModel

from llenergymeasure.config.messages.location import Path, field_paths
from llenergymeasure.config.models import STUDY_KEYS, ExperimentConfig


def nearest(name: str, valid: Iterable[str]) -> str:
    """`did you mean 'x'?`, or nothing when no valid name is close."""
    return _asked(difflib.get_close_matches(name, list(valid), n=1))


def did_you_mean(key: str, owner: type[BaseModel] | None, section: Path = ()) -> str:
    """A suggestion of up to three similar fields for an unknown key, or else the list of valid fields.

    Args:
        key: the unknown key.
        owner: the model in which it was looked for.
        section: path of that model. A field is suggested with its whole path.
    """
    if owner is None:
        return ""
    if owner is ExperimentConfig and key in STUDY_KEYS:
        return f"'{key}:' is a key of a study: write it at the top of its file"
    own = {".".join(map(str, (*section, name))): name for name in owner.model_fields}
    elsewhere = dict(_elsewhere(owner))
    close = [path for path, name in own.items() if key in name.split("_")]
    close += [path for path, name in elsewhere.items() if name == key]
    if not close:
        keys = {name: name for name in STUDY_KEYS} if owner is ExperimentConfig else {}
        close = _closest(key, own | keys, elsewhere)
    return _asked(close[:3]) or f"valid: {', '.join(owner.model_fields)}"


def _asked(names: Sequence[str]) -> str:
    return f"did you mean {' or '.join(repr(name) for name in names)}?" if names else ""


def _elsewhere(owner: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Path and name of each field in other parts of an experiment."""
    for path in field_paths(ExperimentConfig):
        if len(path) > 1 or owner is not ExperimentConfig:
            yield ".".join(path), path[-1]


def _closest(key: str, own: Mapping[str, str], elsewhere: Mapping[str, str]) -> list[str]:
    """The paths with the most similar name; one of another part must be more similar than each of this part."""
    near = difflib.get_close_matches(key, own.values(), n=1)
    far = difflib.get_close_matches(key, elsewhere.values(), n=1, cutoff=0.8)
    if far and (not near or _likeness(key, far[0]) > _likeness(key, near[0])):
        return [path for path, name in elsewhere.items() if name == far[0]]
    return [path for path, name in own.items() if name in near]


def _likeness(one: str, other: str) -> float:
    """From 0 to 1; 1 also for the same letters in another order, which is the most frequent slip."""
    if sorted(one) == sorted(other):
        return 1.0
    return difflib.SequenceMatcher(None, other, one).ratio()
