"""A result as a table of one row."""

from __future__ import annotations

import csv
import io

import pytest

from a_result import a_result
from a_served_result import a_served_result
from llenergymeasure.results.csv import csv_text, table_text


def test_rows_distinguish_runs_by_batches_and_attention():
    result = a_result(pytorch={"batching_strategy": "dynamic"})
    info = result.model_info.model_copy(update={"attn_implementation": "eager"})
    row = next(csv.DictReader(csv_text(result.model_copy(update={"model_info": info})).splitlines()))
    assert (row["attn_implementation"], row["batching_strategy"]) == ("eager", "dynamic")


def test_a_row_of_a_server_has_its_load_and_its_goodput():
    row = next(csv.DictReader(csv_text(a_served_result()).splitlines()))
    assert (row["concurrency"], row["rate"], row["goodput"]) == ("", "4.0", "3.0")
    assert row["batching_strategy"] == ""  # how it groups requests is not known
    assert row["precision"] == ""  # the server has a format of its own
    other = next(csv.DictReader(csv_text(a_result()).splitlines()))
    assert (other["concurrency"], other["rate"], other["goodput"]) == ("", "", "")


def test_not_measured_is_empty_and_what_was_counted_is_there():
    row = next(csv.DictReader(csv_text(a_result(energy_j=None)).splitlines()))
    assert row["energy_total_j"] == ""
    assert row["output_tokens"] == "20"


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+cmd", "'+cmd"),
        ("-x", "'-x"),
        ("-1.5", "-1.5"),
        ("a=b", "a=b"),
        ("m\x1b[31m", "m\\u001b[31m"),
        ("two\nlines", "two\nlines"),
        (-3.5, "-3.5"),
        (None, ""),
    ],
)
def test_a_text_is_never_a_formula_and_has_no_control_characters(value, cell):
    (row,) = csv.DictReader(io.StringIO(table_text([{"label": value, "n": 1}])))
    assert row == {"label": cell, "n": "1"}


def test_the_name_of_a_column_is_a_text_too():
    assert table_text([{"=1+1": 2}]) == "'=1+1\n2\n"


def test_no_rows_are_an_empty_table():
    assert table_text([]).strip() == ""
