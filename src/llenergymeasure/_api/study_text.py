"""A study in plain text for the command line: one line per run, and the tables at the end."""

from __future__ import annotations

from collections.abc import Callable

from llenergymeasure._api.duration import duration
from llenergymeasure.domain.results import StudyResult
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.domain.study.summary import outcome_of, summarise_study
from llenergymeasure.results.study_tables.content import terminal_tables
from llenergymeasure.study.outlook import Progressed

__all__ = ["run_line", "study_text"]

# Metrics in the table of cells beside the headline; the page has all of them.
BESIDE = ("tokens_per_second", "request_p50_ms", "ttft_p50_ms", "peak_memory_mb")


def run_line(row: RunRow, label: str, progressed: Progressed) -> str:
    """One line for a run that ended: its place, cell and outcome, and the expected time for the rest."""
    is_last, left_s = progressed.done == progressed.total, progressed.left_s
    left = "" if is_last or left_s is None else f", {duration(left_s)} left"
    control = "" if row.role == "cell" else ", control"
    return f"run {progressed.done} of {progressed.total}{left}: {label} (cycle {row.cycle}{control}): {outcome_of(row)}"


def study_text(study: StudyResult, emphasis: Callable[[str], str] = str, width: int | None = None) -> str:
    """The tables of cells and factors, the answer, failed and skipped cells, and the warnings.

    Args:
        study: the study.
        emphasis: marks the answer, such as in bold.
        width: characters in a line of the terminal; None = not limited.
    """
    effects = study.effects
    if effects is None:
        return summarise_study(study, emphasis=emphasis)
    headline, *others = effects.metrics
    shown = effects.model_copy(update={"metrics": (headline, *(each for each in others if each.metric in BESIDE))})
    return summarise_study(study, [table.plain(width) for table in terminal_tables(study, shown)], emphasis)
