"""Results as folders below one directory.

To the folder that a result makes of itself come, when asked for:

```
{model}_{backend}_{timestamp}/
    result.csv            the flat numbers as a table of one row
    report.html           the result as one page
```
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from llenergymeasure.domain import folder
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.protocols import Saved
from llenergymeasure.results.csv import csv_text

CSV_FILE = "result.csv"
REPORT_FILE = "report.html"


class FolderRepository:
    """Results as folders below one directory.

    Args:
        directory: where; made when it is missing.
        export_csv: write result.csv too.
        report: makes the text of report.html; None = no report. When it fails, the folder is written without one.
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
