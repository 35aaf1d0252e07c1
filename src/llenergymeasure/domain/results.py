"""The public types of results: the result of one experiment with its text and files, and the results of a study.

The fields are defined in `result_data`; this type adds the functions that make text and files from them.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import computed_field

from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.files import folder, report_formats, serialise
from llenergymeasure.domain.reasons import reasons_of
from llenergymeasure.domain.result_data import ResultData
from llenergymeasure.domain.summary import summarise


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


class StudyResult(Frozen):
    """The results of a study, in the order of its experiments."""

    schema_version: Literal["2.0"] = "2.0"
    results: tuple[ExperimentResult, ...]
