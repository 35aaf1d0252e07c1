"""The tables of a study: they have the numbers of the analysis."""

from __future__ import annotations

import pytest

from a_nested_study import a_nested_study
from a_study import BATCH, FACTORS, a_design, a_study, without
from llenergymeasure.domain.study.effects import Ratio
from llenergymeasure.results.study_tables.content import cells_table, conditional_table, spans_table, tables
from llenergymeasure.results.study_tables.texts import p_text, plain, ratio_text
from llenergymeasure.study.analysis.analyse import analyse


def test_a_row_per_cell_with_the_ratio_of_the_analysis():
    study = a_study()
    table = cells_table(study, study.effects)
    assert len(table.rows) == 12
    headline = study.effects.metrics[0]
    last = next(cell for cell in headline.cells if cell.cell == "12")
    assert table.rows[0][4] == "reference"
    assert table.rows[-1][:2] == ("12", "batch_size=32, precision=bf16, attn_implementation=sdpa")
    assert table.rows[-1][4] == ratio_text(last.ratio)
    assert table.head[3] == "energy per output token in J/token"


def test_factors_have_span_share_and_p():
    study = a_study()
    by_name = {table.name: table for table in tables(study)}
    factors, levels = by_name["factors"], by_name["levels"]
    first = study.effects.metrics[0].factors[0]
    assert factors.rows[0][:4] == ("batch size", "1", "32", ratio_text(first.span))
    assert factors.rows[0][5] == "< 0.001"
    assert [row[1] for row in levels.rows if row[0] == "precision"] == ["fp32", "bf16"]
    assert [row[3] for row in levels.rows if row[1] == "fp32"] == ["reference"]


def test_one_cycle_has_ratios_without_intervals_no_share_and_no_p():
    by_name = {table.name: table for table in tables(a_study(n_cycles=1))}
    factors = by_name["factors"]
    assert "to" not in factors.rows[0][3]
    assert factors.rows[0][4:] == ("-", "-", "-")
    assert by_name["interactions"].rows[0][4:] == ("-", "-")


def test_a_failed_cell_is_no_row():
    study = a_study(failed="12")
    assert [row[0] for row in cells_table(study, study.effects).rows] == [f"{index:02}" for index in range(1, 12)]


def test_a_mean_over_some_of_the_completed_runs_says_so():
    study = without(a_study(), "ttft_p95_ms", "12.c1")
    table = cells_table(study, study.effects)
    column = next(place for place, title in enumerate(table.head) if title.startswith("time to first token"))
    completed = study.protocol.n_cycles
    assert table.rows[-1][2] == str(completed)
    assert table.rows[-1][column].endswith(f" ({completed - 1} of {completed} runs)")
    assert all("runs)" not in cell for row in table.rows[:-1] for cell in row)


def test_a_study_without_a_completed_run_has_no_tables():
    assert tables(a_study().model_copy(update={"effects": None})) == ()


def test_spans_of_each_metric_are_side_by_side():
    study = a_study()
    effects = study.effects
    table = spans_table(study, effects)
    assert table.head[:2] == ("metric", "batch size")
    names = ("energy_per_output_token", "tokens_per_second", "ttft_p95_ms", "peak_memory_mb")
    assert [row[1] for row in table.rows] == [ratio_text(effects.metric(name).factor(BATCH).span) for name in names]


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0204, "1.020"), (6.3453, "6.35"), (0.5, "0.500"), (6.2, "6.20"), (1e-9, "1e-09"), (123.4, "123")],
)
def test_ratios_near_one_have_more_decimals(value, text):
    assert plain(value) == text


def test_texts_of_numbers():
    assert ratio_text(Ratio(value=2.0, low=1.9, high=2.1)) == "2.00 (1.90 to 2.10)"
    assert (p_text(0.0004), p_text(0.0312), p_text(None)) == ("< 0.001", "0.031", "-")


def test_each_interaction_shows_the_effect_at_each_level_of_the_other_factor():
    study = a_study()
    table = conditional_table(study, study.effects)
    found = study.effects.metrics[0].interactions[0]
    assert table.rows[0][0] == "batch size by precision"
    assert table.rows[0][1] == "1 over 32"
    assert [row[2] for row in table.rows[:2]] == ["fp32", "bf16"]
    assert [row[3] for row in table.rows[:2]] == [ratio_text(each.ratio) for each in found.conditional]
    assert table.rows[1][0] == ""


def test_a_level_that_is_not_compared_has_the_reason():
    study = a_study()
    headline = study.effects.metrics[0]
    factor = headline.factors[0].model_copy(update={"missing": (64,)})
    changed = headline.model_copy(update={"factors": (factor,)})
    effects = study.effects.model_copy(update={"metrics": (changed,)})
    levels = {table.name: table for table in tables(study.model_copy(update={"effects": effects}))}["levels"]
    assert levels.rows[-1] == ("batch size", "64", "-", "cells are missing")


def test_a_factor_inside_each_of_two_backends_has_its_own_span_and_levels():
    study = a_nested_study()
    headline = study.effects.metrics[0]
    table = spans_table(study, study.effects)
    for backend in ("pytorch", "vllm"):
        column = table.head.index(f"precision (in {backend})")
        assert table.rows[0][column] == ratio_text(headline.factor("precision", backend).span)
    compared = {row[0]: row[1] for row in conditional_table(study, study.effects).rows}
    assert compared["precision (in vllm) by number of sequences (in vllm)"] == "bf16 over fp16"


def test_captions_name_intervals_where_there_are_some():
    with_spread, without = tables(a_study()), tables(a_study(n_cycles=1))
    assert all(table.caption.endswith(", with 95 % intervals.") for table in with_spread)
    assert not any("95 %" in table.caption for table in without)


def test_cells_that_are_not_listed_are_counted():
    (cells,) = (table for table in tables(a_study(failed="12")) if table.name == "cells")
    assert cells.caption.endswith("Not listed: 1 without a run in the analysis.")


def test_totals_of_several_passes_are_called_per_pass():
    study = a_study()
    runs = tuple(
        run.model_copy(update={"n_passes": 3, "values": {"cpu_seconds": 9.0 + run.place}}) for run in study.runs
    )
    effects = analyse(study.design, runs, study.protocol)
    (cells,) = (
        each for each in tables(study.model_copy(update={"runs": runs, "effects": effects})) if each.name == "cells"
    )
    assert "CPU time in s per pass" in cells.head


def test_a_single_factor_has_no_others_to_average_over():
    captions = {table.name: table.caption for table in tables(a_study(a_design(FACTORS[:1])))}
    assert "other factors" not in captions["levels"]
    assert "over the other factors" in {table.name: table.caption for table in tables(a_study())}["levels"]


def test_captions_say_which_cells_of_a_backend_are_compared():
    captions = {table.name: table.caption for table in tables(a_nested_study())}
    for name in ("factors", "levels"):
        assert captions[name].endswith("Of a backend with factors of its own: its reference cell.")
    assert captions["at_best"].startswith("Each backend at its best cell, and the ratio to that of the reference")
    assert not any("its reference cell" in table.caption for table in tables(a_study()))


def test_a_share_that_is_not_known_is_not_in_the_caption():
    captions = {table.name: table.caption for table in tables(a_study(n_cycles=1))}
    assert "share" not in captions["factors"]
    assert "share of the explained variance" in {table.name: table.caption for table in tables(a_study())}["factors"]
