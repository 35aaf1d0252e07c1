"""Checks on `passthrough_kwargs`: nothing declared elsewhere, nothing secret, nothing that JSON cannot hold."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

_CREDENTIAL_WORDS = frozenset({"password", "passwd", "secret", "credential", "credentials", "apikey", "auth"})
_CREDENTIAL_KEYS = frozenset(
    {"token", "hf_token", "use_auth_token", "auth_token", "access_token", "api_key", "api_token", "private_key"}
)
_TOKEN_VALUE = re.compile(r"^(hf_|sk-|ghp_|github_pat_)[A-Za-z0-9_-]{8,}$")


def looks_like_credential(key: str, value: Any = None) -> bool:
    """Whether a key or a value of `passthrough_kwargs` looks like a secret."""
    lowered = key.lower()
    if lowered in _CREDENTIAL_KEYS or lowered.endswith(("_api_key", "_access_token", "_auth_token", "_secret_key")):
        return True
    if _CREDENTIAL_WORDS & set(re.split(r"[^a-z]+", lowered)):
        return True
    return isinstance(value, str) and bool(_TOKEN_VALUE.match(value))


def check_passthrough(kwargs: Mapping[str, Any], declared: Collection[str]) -> None:
    """Refuse what may not travel through `passthrough_kwargs`.

    Raises:
        ValueError: a key is a declared field, looks like a credential, or its value has no JSON form.
    """
    for key, value in kwargs.items():
        if key in declared:
            raise ValueError(f"passthrough_kwargs may not set '{key}': it is a field of its own; set that field")
    _refuse_credentials(kwargs, "passthrough_kwargs")
    for key, value in kwargs.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            raise ValueError(
                f"passthrough_kwargs.{key} is a {type(value).__name__}, which JSON cannot hold: "
                "use numbers, strings, booleans, lists and mappings"
            ) from None


def _refuse_credentials(value: Any, place: str) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if looks_like_credential(str(key), inner):
                raise ValueError(
                    f"{place} may not hold '{key}': it looks like a credential and would be written into results; "
                    "set the environment variable HF_TOKEN instead"
                )
            _refuse_credentials(inner, f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            _refuse_credentials({f"[{index}]": inner}, place)
