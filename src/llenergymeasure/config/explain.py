"""Pydantic's errors in words that a person can act on: field, value, what is wrong, what was meant, in which line."""

from __future__ import annotations

import difflib
import json
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from llenergymeasure.config.models import ExperimentConfig, StudyConfig
from llenergymeasure.config.passthrough import looks_like_credential
from llenergymeasure.config.yaml_file import key_lines

_UNION_BRANCHES = frozenset({"str", "int", "float", "bool"})


def explain_validation_error(error: ValidationError, source: str | None = None) -> str:
    """One line per problem.

    Args:
        error: of an experiment or a study.
        source: the YAML file it came from, for line numbers; None without one.
    """
    lines = key_lines(source) if source else {}
    model = StudyConfig if error.title == StudyConfig.__name__ else ExperimentConfig
    problems = list(dict.fromkeys(_problems(error, model, lines)))
    head = f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in {source or 'the configuration'}"
    return "\n".join([head, *(f"- {problem}" for problem in problems)])


def _problems(error: ValidationError, model: type[BaseModel], lines: dict[tuple[str, ...], int]) -> Iterator[str]:
    for detail in _without_noise(error.errors(include_url=False)):
        keys = _keys(detail["loc"])
        name = ".".join(keys)
        line = lines.get(keys) or lines.get(keys[-2:]) or lines.get(keys[-1:])
        place = " ".join(part for part in (f"line {line}:" if line else "", f"{name}:" if name else "") if part)
        yield f"{place} {_what(detail, keys, model)}".strip()


def _without_noise(details: Sequence[Any]) -> list[Any]:
    """Of a union only the branch that was meant: a mapping is not told that it is no text."""
    meant = {detail["loc"][0] for detail in details if any(_is_model(part) for part in detail["loc"])}
    return [
        detail
        for detail in details
        if not (detail["loc"] and detail["loc"][0] in meant and detail["loc"][-1] in _UNION_BRANCHES)
    ]


def _keys(location: Sequence[Any]) -> tuple[str, ...]:
    """Where the problem is, without the names of union branches and models."""
    kept = [str(part) for part in location if not _is_model(part)]
    while len(kept) > 1 and (kept[-1] in _UNION_BRANCHES or "[" in kept[-1]):
        kept.pop()
    return tuple(kept)


def _is_model(part: Any) -> bool:
    return isinstance(part, str) and part[:1].isupper() and part.endswith("Config")


def _what(detail: Any, keys: tuple[str, ...], model: type[BaseModel]) -> str:
    if detail["type"] == "missing":
        return "is missing; give it a value"
    if detail["type"] == "extra_forbidden":
        return f"there is no such field{_did_you_mean(keys, model)}"
    message = str(detail["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if detail["type"] == "value_error" and not keys:
        return message
    return f"{_shown(keys, detail['input'])}: {message}"


def _shown(keys: tuple[str, ...], value: Any) -> str:
    """The value as it stands in YAML; never one that looks like a secret."""
    if any(looks_like_credential(key, value) for key in keys or ("",)):
        return "(hidden)"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = type(value).__name__
    return text if len(text) <= 80 else f"{text[:77]}..."


def _did_you_mean(keys: tuple[str, ...], model: type[BaseModel]) -> str:
    owner = _model_at(keys[:-1], model)
    if owner is None:
        return ""
    names = list(owner.model_fields)
    close = difflib.get_close_matches(keys[-1], names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    elsewhere = _place_of(keys[-1], model)
    return f"; did you mean '{elsewhere}'?" if elsewhere else f"; known: {', '.join(names)}"


def _place_of(name: str, model: type[BaseModel]) -> str | None:
    """A section that has a field of this name."""
    for section in model.model_fields:
        inner = _model_at((section,), model)
        if inner is not None and name in inner.model_fields:
            return f"{section}.{name}"
    return None


def _model_at(keys: Sequence[str], model: type[BaseModel]) -> type[BaseModel] | None:
    """The model that describes the section at `keys`."""
    current: type[BaseModel] | None = model
    for key in keys:
        if current is None:
            return None
        if key.isdigit():
            continue
        field = current.model_fields.get(key)
        current = _model_in(field.annotation) if field else None
    return current


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, tuple, typing.Annotated):
        return next((found for part in typing.get_args(annotation) if (found := _model_in(part))), None)
    return None
