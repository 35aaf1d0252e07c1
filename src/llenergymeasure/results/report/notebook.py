"""Short HTML texts of results and studies, as notebooks show them. They have no styles of their own but a few lines."""

from __future__ import annotations

from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.domain.study.summary import without_result
from llenergymeasure.exceptions import listed
from llenergymeasure.results.report.experiment import content
from llenergymeasure.results.report.page import render
from llenergymeasure.results.report.study import answer
from llenergymeasure.results.study_tables.content import tables

# A table of more rows is cut in a notebook; the report has them all.
MOST_ROWS = 20
_SHOWN = ("rate", "concurrency", "cells", "factors", "levels")


def of_result(result: ExperimentResult) -> str:
    """The most important numbers of a result, and its warnings."""
    return render("notebook_result", result=result, content=content)


def of_study(study: StudyData) -> str:
    """The answer of a study, its tables, what has no result, and the warnings."""
    shown = [table for table in tables(study) if table.name in _SHOWN]
    lists = [(title, listed(lines)) for title, lines in without_result(study)]
    return render("notebook_study", study=study, answer=answer, tables=shown, most_rows=MOST_ROWS, lists=lists)
