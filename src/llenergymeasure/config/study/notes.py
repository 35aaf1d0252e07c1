"""What users should know of a study before anything runs: skipped and merged combinations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from llenergymeasure.config.study.conditions import shown_level
from llenergymeasure.config.study.models import StudyConfig

EXAMPLES = 3


def study_notes(study: StudyConfig) -> tuple[str, ...]:
    """One sentence per reason for which combinations are skipped, after a warning when most are; then the merged ones."""
    return (*_skipped(study), *_merged(study))


def mostly_skipped(study: StudyConfig) -> bool:
    """Whether more than half of the combinations of a study are skipped."""
    total = len(study.experiments) + len(study.merged) + len(study.skipped)
    return 2 * len(study.skipped) > total


def shown_fields(fields: Mapping[str, Any]) -> str:
    """`precision int8, pytorch.batch_size 8`."""
    return ", ".join(f"{name} {shown_level(value)}" for name, value in fields.items())


def _skipped(study: StudyConfig) -> Iterator[str]:
    if mostly_skipped(study):
        total = len(study.experiments) + len(study.merged) + len(study.skipped)
        yield f"WARNING: {len(study.skipped)} of {total} combinations are skipped, which is more than half"
    reasons: dict[str, list[Mapping[str, Any]]] = {}
    for each in study.skipped:
        reasons.setdefault(each.reason, []).append(each.fields)
    for reason, cells in reasons.items():
        yield f"skipped {_listed(cells)}: {reason}"


def _merged(study: StudyConfig) -> Iterator[str]:
    cells: dict[int, list[Mapping[str, Any]]] = {}
    for each in study.merged:
        cells.setdefault(each.same_as, []).append(each.fields)
    for index, merged in cells.items():
        yield f"merged {_listed(merged)}: the same effect as cell {index + 1}"


def _listed(cells: Iterable[Mapping[str, Any]]) -> str:
    texts = [f"({shown_fields(fields)})" for fields in cells]
    further = f" and {len(texts) - EXAMPLES} more" if len(texts) > EXAMPLES else ""
    return ", ".join(texts[:EXAMPLES]) + further
