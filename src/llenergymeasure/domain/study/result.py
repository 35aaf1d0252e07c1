"""The data of a study as a whole: what was planned, what ran, and what it shows."""

from __future__ import annotations

from pydantic import ConfigDict, Field, computed_field

from llenergymeasure.domain.base import Derived
from llenergymeasure.domain.study.curves import TrafficCurve
from llenergymeasure.domain.study.design import Cell, Protocol, Skipped, StudyDesign
from llenergymeasure.domain.study.effects import StudyEffects
from llenergymeasure.domain.study.runs import RunRow

# 2.0  first version
STUDY_SCHEMA_VERSION = "2.0"


class StudyData(Derived):
    """The data of a study, as in study.json. Results are named by path and not copied.

    Attributes:
        schema_version: version of this schema.
        study_id: name of the study's folder.
        design: factors, cells and reference.
        protocol: how the runs were made.
        earlier_protocols: how runs were made before the study was continued with other settings.
        runs: one row per planned run, in their order.
        effects: the analysis; None without a completed run.
        answer: the answer in one or two sentences, `summary` in the file; empty without effects.
        warnings: what limits the answer, as `code: sentence`.
    """

    model_config = ConfigDict(populate_by_name=True)

    schema_version: str = STUDY_SCHEMA_VERSION
    study_id: str
    design: StudyDesign
    protocol: Protocol
    earlier_protocols: tuple[Protocol, ...] = ()
    runs: tuple[RunRow, ...]
    effects: StudyEffects | None = None
    answer: str = Field("", alias="summary", description="The answer in one or two sentences; empty without effects.")
    warnings: tuple[str, ...] = ()

    @computed_field(description="16 hex digits over cells, reference and prompts.")  # type: ignore[prop-decorator]
    @property
    def study_design_hash(self) -> str:
        return self.design.design_hash

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The configurations that are compared."""
        return self.design.cells

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """Combinations of the sweep that cannot be measured, with reasons."""
        return self.design.skipped

    @property
    def completed(self) -> tuple[RunRow, ...]:
        """The rows of the grid with a result, without control runs."""
        return tuple(row for row in self.runs if row.state == "completed" and row.role == "cell")

    @property
    def curves(self) -> tuple[TrafficCurve, ...]:
        """How latency and energy depend on the traffic of a server; empty for a study that does not vary it."""
        return () if self.effects is None else self.effects.curves

    @property
    def failed(self) -> tuple[RunRow, ...]:
        """The rows that failed. A row that was not tried after a failure of its cell is `skipped`, and in `runs` only."""
        return tuple(row for row in self.runs if row.state == "failed")
