"""The result of one experiment, with its text and its files, and the results of a study.

What a result consists of is in `result_data`: text and files are made from that, and this type puts all of it together.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import computed_field

from llenergymeasure.domain import folder, report_formats, serialise
from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.reasons import reasons_of
from llenergymeasure.domain.result_data import ResultData
from llenergymeasure.domain.summary import summarise


class ExperimentResult(ResultData):
    """Everything known about one measured window, and how it was measured."""

    derived_sentences: ClassVar[frozenset[str]] = frozenset({"reasons"})

    @computed_field(description="Why each field that is null is null, by its name.")  # type: ignore[prop-decorator]
    @property
    def reasons(self) -> dict[str, str]:
        return reasons_of(self)

    def summary(self) -> str:
        """The result in plain text: numbers with 3 significant figures and units, then the warnings."""
        return summarise(self)

    def to_json(self, path: str | Path) -> Path:
        """Write the result as JSON, atomically, replacing a file that is there. Returns the path."""
        return serialise.to_json(self, Path(path))

    def to_parquet(self, path: str | Path) -> Path:
        """Write the time series as Parquet, atomically; an empty table when nothing was sampled. Returns the path."""
        return serialise.to_parquet(self, Path(path))

    def to_html(self, path: str | Path) -> Path:
        """Write the result as one self-contained page, atomically, replacing a file that is there. Returns the path.

        Raises:
            PreFlightError: the extra `report` is not installed; names the install line.
        """
        return report_formats.write_report(self, "html", Path(path))

    def save(self, directory: str | Path) -> Path:
        """Write a folder of its own below `directory`, never overwriting; returns the path of its result.json."""
        return folder.save(self, Path(directory))

    @classmethod
    def from_json(cls, path: str | Path) -> ExperimentResult:
        """Read a result back, with its time series when the side file is there (a warning when it is missing).

        Raises:
            ConfigError: the file is missing, not JSON, or not a result of this schema.
        """
        return serialise.from_json(Path(path), cls)


class StudyResult(Frozen):
    """The results of a study, in the order of its experiments."""

    schema_version: Literal["2.0"] = "2.0"
    results: tuple[ExperimentResult, ...]
