"""Writes the report of a study into its folder.

```
report.html
figures/    each figure as SVG and PDF
tables/     cells, factors and levels as LaTeX and Markdown; of a study over the traffic of a server, also its curves as CSV
```
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from llenergymeasure._files import ensure_directory, write_atomic
from llenergymeasure.config.study.load import load_study_config
from llenergymeasure.domain.files.study import GIVEN_FILE, STUDY_FILE
from llenergymeasure.domain.study.curves import curve_rows
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.results.csv import table_text
from llenergymeasure.results.report.study.page import html_text, pictures
from llenergymeasure.results.study_tables.content import tables
from llenergymeasure.results.study_tables.runs import CSV_FILE, PARQUET_FILE

REPORT_FILE = "report.html"
CURVES_FILE = "curves.csv"
FIGURES_FOLDER, TABLES_FOLDER = "figures", "tables"


def write_study_report(study: StudyData, folder: Path) -> list[Path]:
    """Write page, figures and tables; they replace earlier ones. Returns their paths, the page first.

    Raises:
        LLEMError: the folder cannot be written (ConfigError) or the disk is full.
    """
    drawn = pictures(study)
    texts: dict[str, str | bytes] = {}
    for picture in drawn:
        texts[f"{FIGURES_FOLDER}/{picture.name}.svg"] = picture.svg
        texts[f"{FIGURES_FOLDER}/{picture.name}.pdf"] = picture.pdf
    for table in tables(study):
        texts[f"{TABLES_FOLDER}/{table.name}.tex"] = table.latex()
        texts[f"{TABLES_FOLDER}/{table.name}.md"] = table.markdown()
    if study.curves:
        texts[f"{TABLES_FOLDER}/{CURVES_FILE}"] = table_text(curve_rows(study.curves))
    links = [*(name for name in (STUDY_FILE, CSV_FILE, PARQUET_FILE) if (folder / name).is_file()), *texts]
    texts[REPORT_FILE] = html_text(study, _given(study, folder), links, drawn)
    return sorted(_written(texts, folder), key=lambda path: path.name != REPORT_FILE)


def _given(study: StudyData, folder: Path) -> str | None:
    """The text of the configuration as given; None where it does not describe the study alone, without other files or options."""
    path = folder / GIVEN_FILE
    try:
        complete = load_study_config(path).study_design_hash == study.design.design_hash
    except (ConfigError, ValidationError):
        return None
    return path.read_text(encoding="utf-8") if complete else None


def _written(texts: dict[str, str | bytes], folder: Path) -> Iterator[Path]:
    for name, content in texts.items():
        path = folder / name
        ensure_directory(path.parent)
        write_atomic(path, content)
        yield path
