"""Makes the page of a study, and its figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llenergymeasure._version import __version__
from llenergymeasure.domain.files.study import GIVEN_FILE
from llenergymeasure.domain.study.curves import NAMES
from llenergymeasure.domain.study.effects import StudyEffects
from llenergymeasure.domain.study.publication import study_rules
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.results.report import repeat
from llenergymeasure.results.report.figures.canvas import Picture
from llenergymeasure.results.report.figures.curves import curve_pictures
from llenergymeasure.results.report.figures.interactions import interaction, levels
from llenergymeasure.results.report.figures.order import order
from llenergymeasure.results.report.figures.pareto import pareto
from llenergymeasure.results.report.figures.spans import spans
from llenergymeasure.results.report.figures.way import way
from llenergymeasure.results.report.page import render
from llenergymeasure.results.report.study import answer, conditions, machine, methods
from llenergymeasure.results.report.study.repeat import yaml_text
from llenergymeasure.results.study_tables.content import tables
from llenergymeasure.results.study_tables.curves import curves_of, file_name
from llenergymeasure.results.study_tables.texts import name_of, title_of

# More rows than this are in runs.csv only.
MOST_ROWS = 200
_MOST_INTERACTIONS = 4


def pictures(study: StudyData) -> tuple[Picture, ...]:
    """The figures of a study; empty without an analysis."""
    return () if study.effects is None else tuple(_pictures(study, study.effects))


def _used(study: StudyData) -> set[str]:
    """Names of the backends and meters that were used."""
    return {cell.config.backend for cell in study.cells} | {run.meter for run in study.completed if run.meter}


def _pictures(study: StudyData, effects: StudyEffects) -> Iterator[Picture]:
    headline = effects.metrics[0]
    shown = [spans(study.design, headline), pareto(study, effects), way(study.design, effects), order(study, headline)]
    crossed = headline.interactions[:_MOST_INTERACTIONS]
    for at, found in enumerate(crossed, 1):
        shown.append(interaction(study.design, effects, found, at))
    drawn = {name for found in crossed for name in found.factors}
    alone = [factor for factor in headline.factors if factor.factor not in drawn]
    for at, factor in enumerate(alone[:_MOST_INTERACTIONS], 1):
        shown.append(levels(study.design, effects, factor, at))
    yield from (picture for picture in shown if picture is not None)
    for field in NAMES:
        if curves := curves_of(effects, field):
            yield from curve_pictures(effects, curves)


def html_text(
    study: StudyData, given: str | None = None, files: Sequence[str] = (), drawn: Sequence[Picture] | None = None
) -> str:
    """The text of the page.

    Args:
        study: the study.
        given: the text of its configuration file; None = it is made from the design.
        files: names of files beside the page, for links.
        drawn: its figures; None = they are drawn.
    """
    figures = {picture.name: picture for picture in (pictures(study) if drawn is None else drawn)}
    lines = (yaml_text(study) if given is None else given).splitlines()
    release = next(iter(machine.releases(study.completed)), None)
    return render(
        "study",
        study=study,
        effects=study.effects,
        answer=answer,
        conditions=conditions,
        name_of=name_of,
        figures=figures,
        tables={table.name: table for table in tables(study)},
        most_rows=MOST_ROWS,
        machine=machine,
        title_of=title_of,
        curves=[(file_name(field), name) for field, (name, _) in NAMES.items() if curves_of(study.effects, field)]
        if study.effects is not None
        else [],
        methods=methods.paragraphs(study),
        rules=study_rules(study.completed),
        file=GIVEN_FILE,
        given="\n".join(lines[:MOST_ROWS]),
        more_lines=max(len(lines) - MOST_ROWS, 0),
        commands=repeat.commands(release, GIVEN_FILE, _used(study), machine.libraries(study.completed)),
        citation=repeat.citation(release),
        version=__version__,
        files=files,
    )
