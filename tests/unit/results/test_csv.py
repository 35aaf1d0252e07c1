"""A result as a table of one row."""

from __future__ import annotations

import csv

from a_result import a_result
from llenergymeasure.results.csv import csv_text


def test_rows_distinguish_runs_by_batches_and_attention():
    result = a_result(pytorch={"batching_strategy": "dynamic"})
    info = result.model_info.model_copy(update={"attn_implementation": "eager"})
    row = next(csv.DictReader(csv_text(result.model_copy(update={"model_info": info})).splitlines()))
    assert (row["attn_implementation"], row["batching_strategy"]) == ("eager", "dynamic")


def test_not_measured_is_empty_and_what_was_counted_is_there():
    row = next(csv.DictReader(csv_text(a_result(energy_j=None)).splitlines()))
    assert row["energy_total_j"] == ""
    assert row["output_tokens"] == "20"
