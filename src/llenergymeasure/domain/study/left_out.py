"""What users should know before a study runs: the combinations of the sweep that are not measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llenergymeasure.domain.study.design import Skipped
from llenergymeasure.domain.study.names import level_text

EXAMPLES = 3


def left_out_notes(n_cells: int, skipped: Sequence[Skipped], merged: Sequence[Skipped]) -> tuple[str, ...]:
    """A warning when most combinations are skipped, then one sentence per reason.

    Args:
        n_cells: number of cells that are measured.
        skipped: combinations that cannot be measured.
        merged: combinations that are equal to a cell.
    """
    total = n_cells + len(skipped) + len(merged)
    most = 2 * len(skipped) > total
    warning = f"WARNING: {len(skipped)} of {total} combinations cannot be measured, which is more than half"
    return (*([warning] if most else []), *_by_reason("skipped", skipped), *_by_reason("merged", merged))


def _by_reason(word: str, combinations: Sequence[Skipped]) -> Iterator[str]:
    reasons: dict[str, list[Mapping[str, Any]]] = {}
    for each in combinations:
        reasons.setdefault(each.reason, []).append(each.fields)
    for reason, found in reasons.items():
        texts = [f"({_fields(fields)})" for fields in found[:EXAMPLES]]
        further = f" and {len(found) - EXAMPLES} more" if len(found) > EXAMPLES else ""
        yield f"{word} {', '.join(texts)}{further}: {reason}"


def _fields(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {level_text(value)}" for name, value in fields.items())
