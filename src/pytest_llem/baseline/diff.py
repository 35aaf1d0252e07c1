"""The differences between two mappings, field by field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """One field with two different values; None where a side has no such field."""

    field: str
    before: object
    now: object

    def __str__(self) -> str:
        return f"{self.field} {_shown(self.before)} -> {_shown(self.now)}"


def _shown(value: object) -> str:
    return "(unset)" if value is None else str(value)


def differences(before: Mapping[str, object], now: Mapping[str, object]) -> tuple[Difference, ...]:
    """Fields whose values differ, in order of their names; nested mappings give dotted names."""
    old, new = dict(_flat(before)), dict(_flat(now))
    fields = sorted(old.keys() | new.keys())
    return tuple(
        Difference(field, old.get(field), new.get(field)) for field in fields if old.get(field) != new.get(field)
    )


def label_of(usual: Mapping[str, object], config: Mapping[str, object]) -> str:
    """`n=8, pytorch.batch_size=4`; empty for the usual configuration. A field that is not set is null."""
    changed = differences(usual, config)
    return ", ".join(f"{each.field}={'null' if each.now is None else each.now}" for each in changed)


def _flat(mapping: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", list(value) if isinstance(value, tuple) else value
