"""Tells apart what one test measures several times: by the fields that differ from its configuration."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_llem.baseline.diff import differences


def label_of(usual: Mapping[str, object], config: Mapping[str, object]) -> str:
    """`n=8, pytorch.batch_size=4`; empty for the usual configuration. A field that is not set is null."""
    changed = differences(usual, config)
    return ", ".join(f"{each.field}={'null' if each.now is None else each.now}" for each in changed)
