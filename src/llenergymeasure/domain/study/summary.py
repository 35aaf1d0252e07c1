"""A study and its runs in plain text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from llenergymeasure._format import NOT_MEASURED, number
from llenergymeasure.domain.energy import COVERAGE_FACTOR
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.left_out import left_out_notes
from llenergymeasure.domain.study.publication import study_rules
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.domain.summary import SHOWN_STATES
from llenergymeasure.exceptions import listed

ENERGY = METRICS["energy_per_output_token"]
THROUGHPUT = METRICS["tokens_per_second"]


def summarise_study(study: StudyData, tables: Sequence[str] = (), emphasis: Callable[[str], str] = str) -> str:
    """The tables, the answer and the number of runs, then what failed or was left out, and what limits the answer.

    Args:
        study: the study.
        tables: texts of tables.
        emphasis: marks the answer, such as in bold.
    """
    answer = emphasis(study.answer) if study.answer else _without_answer(study)
    parts = [*(f"{table}\n" for table in tables), answer, _counts(study)]
    rest = [
        *(line for title, lines in without_result(study) for line in _titled(title, listed(lines))),
        *_publication(study),
        *_titled("warnings", [f"- {line}" for line in study.warnings]),
    ]
    return "\n".join([*parts, *rest])


def without_result(study: StudyData) -> list[tuple[str, list[str]]]:
    """The runs that failed and the combinations that were not measured, each with its reason; each list has a title."""
    left_out = left_out_notes(len(study.cells), study.design.skipped, study.design.merged)
    return [("failed", list(_failed(study))), ("not measured", list(left_out))]


def _without_answer(study: StudyData) -> str:
    return "no run has a result" if not study.completed else "the runs were not analysed"


def _counts(study: StudyData) -> str:
    done = len(study.completed)
    planned = sum(row.role == "cell" for row in study.runs)
    skipped = sum(row.state == "skipped" for row in study.runs)
    not_tried = f", {skipped} were not tried after a failure that would occur again" if skipped else ""
    size = f"{_count(len(study.cells), 'cell')} in {_count(study.protocol.n_cycles, 'cycle')}"
    return f"{size}: {done} of {planned} runs have a result{not_tried}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _failed(study: StudyData) -> Iterator[str]:
    for row in study.failed:
        if row.failure is not None:
            yield f"{row.run_id} ({study.design.cell(row.cell).label}): {row.failure.message}"


def _publication(study: StudyData) -> list[str]:
    """The publication rules that some run does not keep, with the number of these runs."""
    rules = study_rules(study.completed)
    by_state = {state: [str(each) for each in rules if each.state == state] for state in ("kept", *SHOWN_STATES)}
    applicable = len(rules) - len(by_state["not_applicable"])
    title = f"ready to publish: {len(by_state['kept'])} of {applicable} rules are kept in every run"
    shown = [(state, by_state[state]) for state in SHOWN_STATES]
    lines = [f"- {state.replace('_', ' ')}: {', '.join(names)}" for state, names in shown if names]
    return [f"\n{title}", *lines] if rules else []


def _titled(title: str, lines: Sequence[str]) -> list[str]:
    return [f"\n{title}", *lines] if lines else []


def outcome_of(row: RunRow) -> str:
    """The outcome of a run in one line: energy per token with its uncertainty and throughput, or why there is no result."""
    if row.state == "completed":
        throughput = number(row.values.get(THROUGHPUT.name), THROUGHPUT.unit)
        return f"{energy_of(row)}, {throughput}"
    return row.state if row.failure is None else f"{row.state}: {row.failure.message}"


def energy_of(row: RunRow) -> str:
    """Energy per output token of a run with its uncertainty, or marked as an estimate or as simulated."""
    value, uncertainty = row.values.get(ENERGY.name), row.uncertainties.get(ENERGY.name)
    if value is None:
        return f"energy {NOT_MEASURED}"
    text = number(value, ENERGY.unit)
    if row.energy_estimated:
        return f"{text}, an estimate"
    if row.energy_source == "replayed":
        return f"{text}, simulated"
    return text if uncertainty is None else f"{text} +- {number(COVERAGE_FACTOR * uncertainty, ENERGY.unit, 2)}"
