"""A study as a whole: what was planned, what ran, and what it shows."""

from __future__ import annotations

from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.study.design import Protocol, StudyDesign
from llenergymeasure.domain.study.effects import StudyEffects
from llenergymeasure.domain.study.runs import RunRow


class StudyData(Frozen):
    """The data of a study, as in study.json. Results are named by path and not copied.

    Attributes:
        schema_version: version of this schema.
        study_id: name of the study's folder, or name and start time.
        design: factors, cells and reference.
        protocol: how the runs were made.
        runs: one row per planned run, in their order.
        effects: the analysis; None without a completed run.
        summary: the answer in one or two sentences.
        warnings: what limits the answer, as `code: sentence`.
    """

    schema_version: str = "2.0"
    study_id: str
    design: StudyDesign
    protocol: Protocol
    runs: tuple[RunRow, ...]
    effects: StudyEffects | None = None
    summary: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def completed(self) -> tuple[RunRow, ...]:
        """The rows of the grid with a result, without control runs."""
        return tuple(row for row in self.runs if row.state == "completed" and row.role == "cell")

    @property
    def failed(self) -> tuple[RunRow, ...]:
        """The rows that failed."""
        return tuple(row for row in self.runs if row.state == "failed")
