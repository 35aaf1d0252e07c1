"""runs.csv and runs.parquet."""

from __future__ import annotations

import csv

import pytest

from a_study import BATCH, a_study
from llenergymeasure._tables import read_parquet
from llenergymeasure.domain.study.rows import run_rows
from llenergymeasure.results.study_tables.runs import units_of, write_runs_csv, write_runs_parquet


def test_csv_has_the_rows_and_leaves_empty_what_was_not_measured(tmp_path):
    study = a_study(failed="12")
    with write_runs_csv(study, tmp_path / "runs.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 36
    assert list(rows[0]) == list(run_rows(study)[0])
    failed = next(row for row in rows if row["cell"] == "12")
    assert failed["energy_per_output_token"] == ""
    assert failed["failure_message"] == "CUDA ran out of memory; lower pytorch.batch_size"


def test_pandas_reads_the_cells_as_text_where_it_is_asked_to(tmp_path):
    pandas = pytest.importorskip("pandas")
    study = a_study()
    cells = [row["cell"] for row in run_rows(study)]
    assert cells[0][0] == "0"
    path = write_runs_csv(study, tmp_path / "runs.csv")
    assert list(pandas.read_csv(path, dtype={"cell": str})["cell"]) == cells
    assert list(pandas.read_parquet(write_runs_parquet(study, tmp_path / "runs.parquet"))["cell"]) == cells


def test_parquet_has_the_rows_with_their_types_units_and_origin(tmp_path):
    study = a_study(failed="12")
    columns, metadata = read_parquet(write_runs_parquet(study, tmp_path / "runs.parquet"))
    rows = run_rows(study)
    assert columns == {name: [row[name] for row in rows] for name in rows[0]}
    assert metadata["study_design_hash"] == "0123456789abcdef"
    assert "energy_per_output_token: J/token; energy_per_output_token_uncertainty: J/token" in metadata["units"]
    assert isinstance(columns[BATCH][0], int)
    assert columns["energy_estimated"][0] is False
    assert columns["energy_source"][0] == "measured"


def test_the_same_study_gives_the_same_bytes(tmp_path):
    study = a_study()
    first, second = tmp_path / "1", tmp_path / "2"
    assert write_runs_csv(study, first).read_bytes() == write_runs_csv(study, second).read_bytes()
    assert write_runs_parquet(study, first).read_bytes() == write_runs_parquet(study, second).read_bytes()


def test_units_name_only_columns_that_have_one():
    assert units_of(["run_id", "temperature_c", "tokens_per_second"]) == "temperature_c: C; tokens_per_second: tokens/s"
