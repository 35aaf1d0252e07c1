"""Saves results as folders below one directory.

Optional files are added to the folder of a result:

```
{model}_{backend}_{timestamp}/
    result.csv            the flat numbers as a table of one row
    report.html           the result as one page
```
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from llenergymeasure.domain.files import folder
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.records import Saved
from llenergymeasure.results.csv import csv_text

CSV_FILE = "result.csv"
REPORT_FILE = "report.html"


class FolderRepository:
    """Saves results as folders below one directory.

    Args:
        directory: parent directory; created when missing.
        export_csv: whether to write result.csv too.
        report: makes the text of report.html; None = no report. When it fails, the folder is written without a report.
    """

    def __init__(
        self,
        directory: str | Path,
        *,
        export_csv: bool = False,
        report: Callable[[ExperimentResult], str] | None = None,
    ) -> None:
        self._directory = Path(directory)
        self._export_csv, self._report = export_csv, report

    def save(self, result: ExperimentResult) -> Saved:
        saved = folder.as_saved(result)
        beside = {CSV_FILE: csv_text(saved)} if self._export_csv else {}
        try:
            if self._report is not None:
                beside[REPORT_FILE] = self._report(saved)
        finally:
            path = folder.save(saved, self._directory, beside)
        return Saved(path, saved)

    def load(self, place: Path) -> ExperimentResult:
        return ExperimentResult.from_json(place)
