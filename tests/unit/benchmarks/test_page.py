"""The page of benchmarks says what was missed."""

from __future__ import annotations

import pytest
from benchmarks.page import digits, line, missed, page, study_head
from benchmarks.pairs import Line, Row

KEPT = Row("import", 21.0, 19.0, 25.0, "ms", "<= 30", True)
MISSED = Row("wall | time", 1.2, 1.1, 1.3, "x", "<= 1.10", False)
PEER = Row("another tool", 2.0, 1.9, 2.1, "x", "peer", True)


def test_a_missed_target_is_named_above_the_tables():
    assert missed([KEPT, PEER]) == "Every target was kept."
    assert missed([KEPT, MISSED]) == "1 of 2 figures missed their target: wall | time."


@pytest.mark.torch  # the page names its version
def test_each_figure_is_in_the_table_of_its_benchmark():
    text = page([("startup", KEPT), ("overhead", MISSED), ("startup", PEER), ("judge", Line("\nalarms"))])
    assert text.index("## startup") < text.index("| import | 21 ms | 19 to 25 | <= 30 | kept |")
    assert "| wall \\| time | 1.2 x | 1.1 to 1.3 | <= 1.10 | **missed** |" in text
    assert "| another tool | 2 x | 1.9 to 2.1 | peer |  |" in text
    assert "```\nalarms\n```" in text


@pytest.mark.torch  # the page names its version
def test_figures_whose_names_do_not_explain_them_have_a_note():
    text = page([("server_streams", PEER)])
    assert text.index("## server_streams") < text.index("How late a client takes") < text.index("| another tool |")


@pytest.mark.torch  # the page names its version
def test_the_page_names_the_command_that_wrote_it():
    assert "`make bench` writes this page" in page([("startup", KEPT)])
    text = page([("judge", KEPT)], None, "python -m benchmarks judge")
    assert "`python -m benchmarks judge` writes this page" in text


@pytest.mark.torch  # the page names its version
def test_rates_of_studies_have_a_page_of_their_own():
    assert page([("study_power", KEPT), ("study_size", KEPT)]).startswith("# Detection rates of studies")
    assert page([("study_power", KEPT), ("judge", KEPT)]).startswith("# Benchmarks")


@pytest.mark.torch  # the page names its version
def test_a_figure_without_a_target_is_not_called_kept():
    row = Row("one cell per GPU", 75.6, 74.3, 76.8, "%", "-", True)
    assert "| one cell per GPU | 75.6 % | 74.3 to 76.8 | - |  |" in page([("study_power", row)])


def test_a_figure_with_an_empty_target_has_none():
    row = Row("processes", 637.0, 637.0, 637.0, "MB", "", True)
    assert line(row) == "| processes | 637 MB | 637 to 637 | - |  |"


@pytest.mark.parametrize(("value", "text"), [(4803.2, "4800"), (0.08333, "0.0833"), (-2.44, "-2.44"), (100.0, "100")])
def test_a_number_has_three_digits_and_no_exponent(value, text):
    assert digits(value) == text


def test_the_head_of_the_studies_has_the_numbers_of_the_simulation():
    head = study_head("x")
    assert "from 1,500 simulated studies" in head
    assert "12 cells (precision with 2 levels, batch with 3 levels, cache with 2 levels) in 3 cycles" in head
    assert "their runs vary by 2 %" in head
