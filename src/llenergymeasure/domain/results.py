"""The public types of results: the result of one experiment with its text and files, and the results of a study.

The fields are defined in `result_data`; this type adds the functions that make text and files from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import PrivateAttr, computed_field

from llenergymeasure._files import complete_directory
from llenergymeasure.domain.files import folder, report_formats, serialise, study
from llenergymeasure.domain.reasons import reasons_of
from llenergymeasure.domain.result_data import ResultData
from llenergymeasure.domain.study.curves import curve_rows
from llenergymeasure.domain.study.effects import StudyEffects
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.domain.study.rows import run_rows
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.domain.study.summary import summarise_study
from llenergymeasure.domain.summary import summarise
from llenergymeasure.domain.warnings import MeasurementWarning
from llenergymeasure.exceptions import ConfigError


class ExperimentResult(ResultData):
    """All data of one measured window, and how it was measured."""

    derived_sentences: ClassVar[frozenset[str]] = frozenset({"reasons"})

    @computed_field(description="The reason for each field that is null, by its name.")  # type: ignore[prop-decorator]
    @property
    def reasons(self) -> dict[str, str]:
        return reasons_of(self)

    def summary(self) -> str:
        """The result in plain text: numbers with 3 significant figures and units, then the warnings."""
        return summarise(self)

    __str__ = summary

    def to_json(self, path: str | Path) -> Path:
        """Write the result as JSON, atomically, replacing an existing file. Returns the path."""
        return serialise.to_json(self, Path(path))

    def to_parquet(self, path: str | Path) -> Path:
        """Write the time series as Parquet, atomically; an empty table when nothing was sampled. Returns the path."""
        return serialise.to_parquet(self, Path(path))

    def to_html(self, path: str | Path) -> Path:
        """Write the result as one self-contained page, atomically, replacing an existing file. Returns the path.

        Raises:
            PreFlightError: the extra `report` is not installed; with the install command.
        """
        return report_formats.write_report(self, "html", Path(path))

    def _repr_html_(self) -> str | None:
        return report_formats.for_notebook(self, "notebook")

    def save(self, directory: str | Path) -> Path:
        """Write a new folder below `directory`, never overwriting; returns the path of its result.json."""
        return folder.save(self, Path(directory))

    @classmethod
    def from_json(cls, path: str | Path) -> ExperimentResult:
        """Read a saved result with its time series; a missing time-series file gives a warning.

        Raises:
            ConfigError: the file is missing, not JSON, or not a result of this schema.
        """
        return serialise.from_json(Path(path), cls)


class StudyResult(StudyData):
    """A study: its design, one row per run, and the effects of the factors."""

    _folder: Path | None = PrivateAttr(None)
    _results: dict[str, ExperimentResult] = PrivateAttr(default_factory=dict)

    @property
    def folder(self) -> Path | None:
        """The folder of the study; None when nothing was written."""
        return self._folder

    @property
    def results(self) -> tuple[ExperimentResult, ...]:
        """The results of all completed runs without control runs: cell by cell, and of a cell by cycle."""
        places = {cell.id: place for place, cell in enumerate(self.design.cells)}
        rows = sorted(self.completed, key=lambda row: (places[row.cell], row.cycle))
        return tuple(self.result_of(row) for row in rows)

    def result_of(self, row: RunRow) -> ExperimentResult:
        """The result of a completed run. It is read from the study's folder if it is not in memory.

        Raises:
            ConfigError: the run has no result, or its file cannot be read.
        """
        if row.run_id in self._results:
            return self._results[row.run_id]
        if row.result is None or self._folder is None:
            raise ConfigError(f"run {row.run_id} has no result: it is {row.state}")
        return ExperimentResult.from_json(self._folder / row.result)

    def summary(self) -> str:
        """The study in plain text: the answer, the runs that failed, what was not measured, and the warnings."""
        return summarise_study(self)

    __str__ = summary

    def rows(self) -> list[dict[str, Any]]:
        """One flat mapping per run, for `pandas.DataFrame(study.rows())` or `polars.DataFrame(study.rows())`."""
        return run_rows(self)

    def curve_rows(self) -> list[dict[str, Any]]:
        """One flat mapping per rate or concurrency of a server, for `pandas.DataFrame`; empty for a study that varies neither."""
        return curve_rows(self.curves)

    def _repr_html_(self) -> str | None:
        return report_formats.for_notebook(self, "study_notebook")

    def save(self, directory: str | Path) -> Path:
        """Write the study with its results as a new folder below `directory`, never overwriting. Returns the folder."""
        with complete_directory(Path(directory), self.study_id) as place:
            rows = tuple(self._saved(row, place.path) for row in self.runs)
            study.write_study(self.model_copy(update={"runs": rows}), place.path)
        return place.final

    def _saved(self, row: RunRow, folder: Path) -> RunRow:
        """The row of a run, with the path of its result if it has one, which is written."""
        if row.state != "completed":
            return row
        return row.model_copy(update={"result": study.write_result(self.result_of(row), folder, row.run_id)})

    @classmethod
    def from_dir(cls, directory: str | Path) -> StudyResult:
        """Read a saved study. Its results are read when they are used.

        Raises:
            ConfigError: the folder has no study of this schema.
        """
        return study.read_study(Path(directory), cls).in_folder(Path(directory))

    def with_answer(
        self, effects: StudyEffects | None, answer: str, warnings: Iterable[MeasurementWarning]
    ) -> StudyResult:
        """The same study with its analysis."""
        texts = tuple(map(str, warnings))
        return self.model_copy(update={"effects": effects, "answer": answer, "warnings": texts})

    def in_folder(self, folder: Path) -> StudyResult:
        """The same study with its results in a folder."""
        found = self.model_copy()
        found._folder = folder
        return found

    def with_results(self, results: Mapping[str, ExperimentResult]) -> StudyResult:
        """The same study with results in memory, by run id."""
        found = self.model_copy()
        found._results = dict(results)
        return found
