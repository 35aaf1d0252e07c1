"""The warnings of all experiments of a run. Most experiments have the same ones, so each is shown once, with a count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_llem.measure.judged import Judged

if TYPE_CHECKING:
    from llenergymeasure._plugin_api import MeasurementWarning


@dataclass(frozen=True)
class Shown:
    """A warning of one experiment or more.

    Attributes:
        first: the warning of the first of them.
        title: of the first of them.
        count: the number of experiments with a warning of this code.
        total: the number of measured experiments.
    """

    first: MeasurementWarning
    title: str
    count: int
    total: int

    def __str__(self) -> str:
        where = "" if self.total == 1 else f" ({self.count} of {self.total} experiments, first {self.title})"
        return f"{self.first}{where}"


def all_warnings(runs: Iterable[Judged]) -> list[Shown]:
    """One of each code, in the order in which the experiments have them."""
    measured = [run for run in runs if run.measured]
    found: dict[str, list[tuple[MeasurementWarning, str]]] = {}
    for run in measured:
        for each in run.warnings:
            found.setdefault(each.code, []).append((each, run.title))
    return [Shown(*each[0], len(each), len(measured)) for each in found.values()]
