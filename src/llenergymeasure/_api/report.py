"""Writes the report of a stored result or study into its folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from llenergymeasure._numerals import decimal_number
from llenergymeasure.config.messages.suggest import nearest
from llenergymeasure.domain.files.folder import RESULT_FILE
from llenergymeasure.domain.files.report_formats import report_findings
from llenergymeasure.domain.files.study import MANIFEST_FILE, STUDY_FILE
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.results import ExperimentResult, StudyResult
from llenergymeasure.exceptions import ConfigError, PreFlightError
from llenergymeasure.study.analysis.analyse import analyse
from llenergymeasure.study.analysis.words.summary import summary

PAGE = "report.html"


@dataclass(frozen=True)
class Written:
    """A written report.

    Attributes:
        page: the page.
        figures, tables: folders of figures and tables; None without any.
        answer: the answer of the study; empty for a single result.
    """

    page: Path
    figures: Path | None = None
    tables: Path | None = None
    answer: str = ""


def write_report(folder: Path, limits: Iterable[str] = (), margin: str | None = None) -> Written:
    """Write the report of a folder into it.

    Args:
        folder: the folder of a study or of a result, or its JSON file.
        limits: texts `METRIC=NUMBER`, for the best cell of a study inside limits.
        margin: the largest difference that counts as none, in percent; None = not stated.

    Raises:
        ConfigError: it is not such a folder, its file cannot be read, or a limit or the margin is not valid.
        PreFlightError: the extra `report` is not installed.
    """
    known, largest = limits_of(limits), None if margin is None else margin_of(margin)
    check_report()
    stored = load(folder)
    place = folder if folder.is_dir() else folder.parent
    if isinstance(stored, StudyResult):
        again = known or largest is not None
        return report_study(_analysed(stored, known, largest) if again else stored, place)
    if known:
        raise ConfigError(f"a limit chooses between the cells of a study, but {folder} is a single result")
    if largest is not None:
        raise ConfigError(f"a margin is for the factors of a study, but {folder} is a single result")
    return Written(stored.to_html(place / PAGE))


def load(folder: Path) -> StudyResult | ExperimentResult:
    """The stored study or result of a folder, or of its JSON file.

    Raises:
        ConfigError: there is none, or it cannot be read.
    """
    if folder.name == STUDY_FILE or _is_file(folder / STUDY_FILE) or _is_file(folder / MANIFEST_FILE):
        return StudyResult.from_dir(folder.parent if folder.name == STUDY_FILE else folder)
    if _is_file(folder):
        _check_not_a_configuration(folder)
        return ExperimentResult.from_json(folder)
    if _is_file(folder / RESULT_FILE):
        return ExperimentResult.from_json(folder / RESULT_FILE)
    is_folder = os.path.isdir(folder)  # noqa: PTH112 - as for `_is_file`
    problem = f"{folder} has neither {RESULT_FILE} nor {STUDY_FILE}" if is_folder else f"{folder} does not exist"
    raise ConfigError(problem, "name the folder of a result or of a study, as `llem run` prints it")


def _check_not_a_configuration(file: Path) -> None:
    if file.suffix in (".yaml", ".yml"):
        raise ConfigError(
            f"{file} is a configuration, and not a result",
            f"measure it with `llem run {file}`, and name the folder it writes",
        )


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - returns False, and does not raise, for a name that is too long


def check_report() -> None:
    """Check that a report can be written on this machine.

    Raises:
        PreFlightError: the extra `report` is not installed.
    """
    if findings := report_findings("html"):
        raise PreFlightError(findings)


def report_study(study: StudyResult, folder: Path) -> Written:
    """Write page, figures and tables of a study into a folder.

    Raises:
        PreFlightError: the extra `report` is not installed.
        LLEMError: the folder cannot be written (ConfigError) or the disk is full.
    """
    check_report()
    from llenergymeasure.results.report.study.files import (  # noqa: PLC0415 - matplotlib and jinja2, only for a report
        FIGURES_FOLDER,
        TABLES_FOLDER,
        write_study_report,
    )

    page, *others = write_study_report(study, folder)
    parents = {path.parent.name: path.parent for path in others}
    return Written(page, parents.get(FIGURES_FOLDER), parents.get(TABLES_FOLDER), study.answer)


def limits_of(texts: Iterable[str]) -> dict[str, float]:
    """Limits by metric, from texts `METRIC=NUMBER`.

    Raises:
        ConfigError: a text is not of this form, there is no such metric, or a metric has two limits.
    """
    found: dict[str, float] = {}
    for name, value in map(_limit, texts):
        if name in found:
            raise ConfigError(f"--limit {name} is given twice", "keep one")
        found[name] = value
    return found


def margin_of(text: str) -> float:
    """A margin as a fraction, from a text in percent.

    Raises:
        ConfigError: the text is not a number above 0.
    """
    value = decimal_number(text)
    if value is None or value <= 0:
        raise ConfigError(f"--margin {text}: {text!r} is not a number above 0", "for example --margin 2")
    return value / 100


def _limit(text: str) -> tuple[str, float]:
    name, _, written = text.partition("=")
    value = decimal_number(written)
    if name not in METRICS:
        raise ConfigError(f"--limit {text}: there is no metric {name!r}", nearest(name, METRICS) or _EXAMPLE)
    if value is None or value <= 0:
        raise ConfigError(f"--limit {text}: {written!r} is not a number above 0", _EXAMPLE)
    return name, float(value)


_EXAMPLE = "for example --limit ttft_p95_ms=500"


def _analysed(study: StudyResult, limits: Mapping[str, float], margin: float | None) -> StudyResult:
    """The study with the best cell inside limits, and with the factors that make no difference above a margin."""
    effects = analyse(study.design, study.runs, study.protocol, limits=limits, margin=margin)
    if effects is None:
        return study
    answer = summary(study.design, effects)
    return study.model_copy(update={"effects": effects, "answer": answer})
