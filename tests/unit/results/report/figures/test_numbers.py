"""The figures of a study draw the numbers of its analysis."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("matplotlib")

from a_study import FACTORS, a_design, a_study
from llenergymeasure.domain.study.design import Factor
from llenergymeasure.results.report.figures.interactions import interaction, levels
from llenergymeasure.results.report.figures.order import order, thinned_runs
from llenergymeasure.results.report.figures.pareto import pareto
from llenergymeasure.results.report.figures.spans import spans
from llenergymeasure.results.report.figures.way import way


@pytest.fixture(scope="module")
def study():
    return a_study(control=True)


def test_each_bar_ends_at_its_span_ratio(study):
    analysis = study.effects.metrics[0]
    (axes,) = spans(study.design, analysis).figure.axes
    ends = [bar.get_x() + bar.get_width() for bar in axes.patches]
    assert ends == pytest.approx([factor.span.value for factor in analysis.factors])
    segments = [line.get_segments()[0] for line in axes.collections]
    assert [segment[1][0] for segment in segments] == pytest.approx([factor.span.high for factor in analysis.factors])


def test_all_cells_are_in_the_plane(study):
    (axes,) = pareto(study, study.effects).figure.axes
    drawn = {
        (x, y) for line in axes.lines if line.get_marker() == "o" for x, y in zip(line.get_xdata(), line.get_ydata())
    }
    assert drawn == {(point.x, point.y) for point in study.effects.pareto}


def test_the_way_leads_from_the_reference_to_the_best_cell(study):
    analysis = study.effects.metrics[0]
    (axes,) = way(study.design, study.effects).figure.axes
    means = {cell.cell: cell.mean for cell in analysis.cells}
    ends = [float(line.get_xdata()[0]) for line in axes.lines if line.get_marker() == "o"]
    assert ends == pytest.approx([means[analysis.reference], means[analysis.best]])
    assert math.prod(step.ratio for step in analysis.path) == pytest.approx(ends[1] / ends[0])


def test_lines_go_through_the_means_by_both_factors(study):
    found = study.effects.metrics[0].interactions[0]
    (axes,) = interaction(study.design, study.effects, found, 1).figure.axes
    drawn = [list(map(float, line.get_ydata())) for line in axes.lines]
    assert drawn == [pytest.approx(column) for column in zip(*found.means)]
    assert axes.get_xscale() == "log"


def test_levels_that_are_numbers_go_from_left_to_right_in_any_order_of_the_design():
    batch = FACTORS[0].model_copy(update={"levels": (32, 1, 8)})
    turned = a_study(a_design((batch, *FACTORS[1:])))
    found = turned.effects.metrics[0].interactions[0]
    (axes,) = interaction(turned.design, turned.effects, found, 1).figure.axes
    assert all(list(line.get_xdata()) == [1.0, 8.0, 32.0] for line in axes.lines)


def test_lines_that_are_left_out_are_counted():
    levels = tuple(f"quantised-model-{number}" for number in range(9))
    many = Factor(name="dataset", fields=("dataset",), levels=levels)
    wide = a_study(a_design((many, FACTORS[0].model_copy(update={"levels": (1, 2, 4)}))))
    found = wide.effects.metrics[0].interactions[0]
    picture = interaction(wide.design, wide.effects, found, 1)
    assert picture.figure.legends[0].get_title().get_text() == "dataset, 6 of 9 levels"


@pytest.mark.parametrize(("names", "turned"), [("ab", False), ("quantised-model", True)])
def test_names_of_levels_are_turned_where_they_would_overlap(names, turned):
    many = Factor(name="dataset", fields=("dataset",), levels=tuple(f"{names}-{number}" for number in range(6)))
    study = a_study(a_design((many,)))
    (axes,) = levels(study.design, study.effects, study.effects.metrics[0].factors[0], 1).figure.axes
    assert [label.get_rotation() for label in axes.get_xticklabels()] == [40.0 if turned else 0.0] * 6


def test_cells_have_their_intervals_in_the_plane(study):
    (axes,) = pareto(study, study.effects).figure.axes
    ends = {
        tuple(line.get_xdata()) for line in axes.lines if len(set(line.get_ydata())) == 1 and len(line.get_xdata()) == 2
    }
    speed = study.effects.metric("tokens_per_second")
    assert {(cell.low, cell.high) for cell in speed.cells} <= ends


def test_levels_have_their_intervals(study):
    factor = study.effects.metrics[0].factors[1]
    (axes,) = levels(study.design, study.effects, factor, 1).figure.axes
    assert list(axes.lines[0].get_ydata()) == pytest.approx([level.mean for level in factor.levels])
    assert len(axes.collections) == len(factor.levels)


def test_every_run_is_drawn_in_its_place_with_its_temperature(study):
    analysis = study.effects.metrics[0]
    above, below = order(study, analysis).figure.axes
    points = [
        (x, y)
        for line in above.lines
        for x, y in zip(line.get_xdata(), line.get_ydata())
        if line.get_marker() != "None"
    ]
    means = {cell.cell: cell.mean for cell in analysis.cells}
    assert sorted(points) == [
        (run.place, pytest.approx(100 * (run.values[analysis.metric] / means[run.cell] - 1))) for run in study.runs
    ]
    assert list(below.lines[0].get_ydata()) == [run.temperature_c for run in study.runs]


def test_without_a_thermometer_there_is_no_axis_for_it(study):
    runs = tuple(run.model_copy(update={"temperature_c": None}) for run in study.runs)
    assert len(order(study.model_copy(update={"runs": runs}), study.effects.metrics[0]).figure.axes) == 1


def test_of_very_many_runs_some_are_drawn():
    assert list(thinned_runs(range(10), most=4)) == [0, 3, 6, 9]
    assert list(thinned_runs([], most=4)) == []
