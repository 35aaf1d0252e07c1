"""Describes one pydantic error: what is wrong, with which value, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llenergymeasure.config.base import FieldError
from llenergymeasure.config.checks.passthrough import looks_like_credential
from llenergymeasure.config.messages.format import cut, shown
from llenergymeasure.config.messages.location import Place, in_experiment
from llenergymeasure.config.messages.suggest import did_you_mean, nearest

# The expected type, by pydantic's name of the error.
NEEDED: Mapping[str, str] = {
    "string_type": "text", "int_type": "a whole number", "int_from_float": "a whole number", "float_type": "a number",
    "bool_type": "true or false", "dict_type": "a mapping", "model_type": "a mapping", "tuple_type": "a list",
    "list_type": "a list", "finite_number": "a finite number",
}  # fmt: skip
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than_equal": ("greater than or equal to", "ge"), "greater_than": ("greater than", "gt"),
    "less_than_equal": ("less than or equal to", "le"), "less_than": ("less than", "lt"),
}  # fmt: skip
_FIXED: Mapping[str, tuple[str, str]] = {
    "missing": ("is missing", "give it a value"),
    "string_too_short": ("must not be empty", "write a value or remove the key"),
}
# A validator's message may repeat a value, and a value may be as long as a file.
MAX_SENTENCE = 500
_READ_AS_BOOL = "quote it: YAML reads yes, no, on and off as true and false"


def what_is_wrong(place: Place, details: Sequence[Any], written: str | None = None) -> tuple[str, str]:
    """The problem without its location, and the fix, which may be empty.

    Args:
        place: the location of the value.
        details: pydantic's errors there; several when the value matches no branch of a union.
        written: the text of the value in the file, where it differs from the value: `1e3`, `off`; empty after `n:` alone.
    """
    detail, key = details[0], str(place.path[-1]) if place.path else ""
    kind, value = detail["type"], detail["input"]
    text = shown(value, key) if not written or looks_like_credential(key, written) else cut(written)
    if kind in _FIXED:
        return _FIXED[kind]
    if kind == "extra_forbidden":
        return "there is no such field", did_you_mean(key, place.owner, in_experiment(place.path)[:-1])
    if kind in NEEDED:
        needed = tuple(dict.fromkeys(NEEDED[each["type"]] for each in details))
        return f"{text}: {' or '.join(needed)} is needed", _fix(value, text, needed)
    return _about_the_value(detail, value, text)


def _about_the_value(detail: Any, value: Any, text: str) -> tuple[str, str]:
    kind, message = detail["type"], str(detail["msg"])
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        limit = detail["ctx"][name]
        return f"{text}: must be {words} {f'{limit:g}' if isinstance(limit, float) else limit}", ""
    if kind == "literal_error":
        return _choices(detail, value, text)
    if kind == "value_error":
        return _refused(detail["ctx"]["error"])
    return f"{text}: {message[:1].lower()}{message[1:]}", ""


def _refused(error: Exception) -> tuple[str, str]:
    """The message of a validator."""
    if isinstance(error, FieldError):
        return cut(error.problem, MAX_SENTENCE), cut(error.fix, MAX_SENTENCE)
    return cut(str(error), MAX_SENTENCE), ""


def _fix(value: Any, text: str, needed: Sequence[str]) -> str:
    if value is None:
        return "remove the key, or write something below it"
    if needed[0] != "text" or isinstance(value, (Mapping, list, tuple)):
        return ""
    return _READ_AS_BOOL if text in ("true", "false") else f'quote it: "{text.strip(chr(34))}"'


def _listed_by_pydantic(expected: str) -> list[str]:
    """The names in `'a', 'b' or 'c'`."""
    return expected.replace("'", "").replace(" or ", ", ").split(", ")


def _choices(detail: Any, value: Any, text: str) -> tuple[str, str]:
    valid = detail["ctx"].get("valid") or _listed_by_pydantic(detail["ctx"]["expected"])
    hint = _READ_AS_BOOL if isinstance(value, bool) else nearest(str(value), valid)
    return f"{text}: valid: {', '.join(valid)}", hint
