"""Makes the result of a study from its rows: the analysis, the answer, and what limits it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from llenergymeasure.domain.results import StudyResult
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.domain.warnings import MeasurementWarning, warning
from llenergymeasure.exceptions import ConfigError

# More runs than these are counted and not named.
NAMED = 10


def analysed(study: StudyResult, late: Sequence[str] = ()) -> StudyResult:
    """The study with its analysis, the answer and all warnings. Results are read for the texts of their warnings.

    Args:
        study: the study.
        late: runs that were completed by tasks that had been given up.
    """
    from llenergymeasure.study.analysis.analyse import analyse  # noqa: PLC0415 - numpy and scipy
    from llenergymeasure.study.analysis.words.summary import summary  # noqa: PLC0415 - as above

    effects = analyse(study.design, study.runs, study.protocol)
    own = () if effects is None else effects.warnings
    answer = "" if effects is None else summary(study.design, effects)
    return study.with_answer(effects, answer, (*own, *_of_runs(study), *_late(late)))


def _of_runs(study: StudyResult) -> Iterator[MeasurementWarning]:
    """The warnings of the runs, each code once, with the number of runs that have it."""
    completed = [row for row in study.runs if row.state == "completed"]
    rows: dict[str, list[RunRow]] = defaultdict(list)
    for row in completed:
        for code in row.warnings:
            rows[code].append(row)
    for code, found in rows.items():
        count = f"{len(found)} of {len(completed)} runs"
        yield _with_count(code, count, study, found[0])
    yield from _still_warm(study)
    yield from _with_neighbours(study)
    yield from _other_protocols(study)


def _with_count(code: str, count: str, study: StudyResult, row: RunRow) -> MeasurementWarning:
    """The warning of a run, with the number of runs that have it; the number alone where its result cannot be read."""
    try:
        first = next(each for each in study.result_of(row).warnings if each.code == code)
    except (ConfigError, StopIteration):
        return MeasurementWarning(code=code, sentence=count)
    return first.model_copy(update={"sentence": f"{count}; in {row.run_id} {first.sentence}"})


def _still_warm(study: StudyResult) -> Iterator[MeasurementWarning]:
    rows = [row for row in study.runs if row.still_above_c is not None]
    if rows:
        most_c = max(row.still_above_c or 0.0 for row in rows)
        limit_s = study.protocol.cooldown_max_s
        yield warning(
            "not_cooled_down",
            f"{len(rows)} runs began with a GPU up to {most_c:.0f} C too warm: the wait reached its limit of {limit_s:g} s, or was "
            "skipped",
            "raise execution.cooldown_max_seconds or execution.cooldown_celsius",
            runs=len(rows),
            most_c=most_c,
        )


def _with_neighbours(study: StudyResult) -> Iterator[MeasurementWarning]:
    counts = [row.neighbours for row in study.runs if row.state == "completed" and row.neighbours]
    if counts:
        yield warning(
            "neighbours",
            f"{len(counts)} runs shared their machine with up to {max(counts)} {_runs(max(counts))} of the study, and with it CPU, "
            "memory, cooling and power supply",
            "to see whether that matters, repeat a cycle alone and compare",
            runs=len(counts),
            most=max(counts),
        )


def _runs(count: int) -> str:
    return "other run" if count == 1 else "other runs"


def _late(runs: Sequence[str]) -> Iterator[MeasurementWarning]:
    if runs:
        others = f" and {len(runs) - NAMED} more" if len(runs) > NAMED else ""
        yield warning(
            "late_results",
            f"results of workers that were given up are in the folder and not in the study ({len(runs)}): "
            f"{', '.join(runs[:NAMED])}{others}",
            "nothing is lost: their runs were made again",
            runs=len(runs),
        )


def _other_protocols(study: StudyResult) -> Iterator[MeasurementWarning]:
    for earlier in study.earlier_protocols:
        before = study.protocol.differences(earlier)
        now = earlier.differences(study.protocol)
        changes = ", ".join(f"{name} {before[name]} before and {now[name]} after" for name in before)
        if changes:
            yield warning(
                "protocol_changed",
                f"the study was continued with other settings: {changes}",
                "continue a study with the settings that it began with",
            )
