"""Checks `passthrough_kwargs`: no declared fields, no credentials, no values without a JSON form."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from llenergymeasure.config.base import FieldError
from llenergymeasure.security import HIDDEN, redact

_CREDENTIAL_WORDS = frozenset({"password", "passwd", "secret", "credential", "credentials", "apikey", "auth"})
_CREDENTIAL_ENDINGS = ("token", "api_key", "secret_key", "private_key", "access_key")
# Arguments of `from_pretrained` and tokenizers that are named after a token of the vocabulary.
_VOCABULARY_TOKENS = frozenset(f"{kind}_token" for kind in ("bos", "eos", "pad", "unk", "sep", "cls", "mask", "image"))

_ASSIGNMENT = re.compile(r"(?:^|\s)([A-Za-z_]\w*)=(\S*)")


def looks_like_credential(key: str, value: Any = None) -> bool:
    """Whether a key or a value of `passthrough_kwargs` looks like a secret."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).replace("-", "_").lower()
    if name not in _VOCABULARY_TOKENS and re.search(rf"(^|_)({'|'.join(_CREDENTIAL_ENDINGS)})$", name):
        return True
    if _CREDENTIAL_WORDS & set(re.split(r"[^a-z]+", name)):
        return True
    if not isinstance(value, str):
        return False
    return value == HIDDEN or redact(value, {}) != value


def without_credentials(value: Any, key: str = "", levels: int = 50) -> Any:
    """The value with everything that looks like a credential replaced, for display.

    Args:
        value: anything; a mapping may contain itself.
        key: the key of the value.
        levels: what is nested deeper becomes `...`, which has no JSON form.
    """
    if levels == 0:
        return ...
    if looks_like_credential(key, value):
        return HIDDEN
    if isinstance(value, Mapping):
        return {name: without_credentials(inner, str(name), levels - 1) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        options = ["", *map(option_of, value)]
        return [without_credentials(inner, option, levels - 1) for inner, option in zip(value, options)]
    named = [option_of(value) if "=" in str(value) else "", *(name for name, _ in variables_of(value))]
    return HIDDEN if any(map(looks_like_credential, named)) else value


def option_of(part: Any) -> str:
    """The name of an option of a command, such as `api-key` of `--api-key` and of `--api-key=x`; else empty."""
    return part.partition("=")[0].strip("-") if isinstance(part, str) and part.startswith("-") else ""


def variables_of(part: Any) -> list[tuple[str, str]]:
    """Names and values of the variables that a part of a command sets, such as `API_KEY=x` after `env`."""
    return _ASSIGNMENT.findall(part) if isinstance(part, str) else []


def check_passthrough(kwargs: Mapping[str, Any], declared: Collection[str]) -> None:
    """Refuse what `passthrough_kwargs` may not contain.

    Raises:
        FieldError: a key is a declared field, looks like a credential, or its value has no JSON form.
    """
    for key, value in kwargs.items():
        if key in declared:
            problem = f"passthrough_kwargs may not set '{key}': it is a declared field"
            raise FieldError(problem, "set that field", f"passthrough_kwargs.{key}")
        _refuse_what_json_cannot_hold(value, f"passthrough_kwargs.{key}")
    _refuse_credentials(kwargs, "passthrough_kwargs")


def _refuse_what_json_cannot_hold(value: Any, place: str) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise FieldError(
            f"{place} is a {type(value).__name__} that JSON cannot hold",
            "use finite numbers, text, true, false, null, lists and mappings of these",
            place,
        ) from None
    _refuse_other_keys_than_text(value, place)


def _refuse_other_keys_than_text(value: Any, place: str) -> None:
    """Refuse keys that are not text: JSON would turn them into text, and a saved result would differ from its input."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise FieldError(f"{place} has the key {key!r}, which is not text", "quote it", place)
            _refuse_other_keys_than_text(inner, f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _refuse_other_keys_than_text(inner, place)


def _refuse_credentials(value: Any, place: str) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if looks_like_credential(key, inner):
                raise FieldError(
                    f"{place} may not hold '{key}': it looks like a credential and would be written into results",
                    "set the environment variable HF_TOKEN instead",
                    f"{place}.{key}",
                    place,
                )
            _refuse_credentials(inner, f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            _refuse_credentials({f"[{index}]": inner}, place)
