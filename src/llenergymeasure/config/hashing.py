"""The hash of a configuration."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def hash_of(fields: Mapping[str, Any]) -> str:
    """First 16 hex digits of the SHA-256 of the canonical JSON: the same on every machine and Python."""
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()[:16]


def without_unset(value: Any) -> Any:
    """The value without None and empty mappings, so that `pytorch: {}` and an absent section give the same hash."""
    if not isinstance(value, dict):
        return value
    kept = {key: without_unset(inner) for key, inner in value.items() if inner is not None}
    return {key: inner for key, inner in kept.items() if inner != {}}
