"""The runs of a study as flat rows."""

from __future__ import annotations

import pytest

from a_study import ATTENTION, BATCH, PRECISION, a_design, a_study
from llenergymeasure.domain.study.design import Factor
from llenergymeasure.domain.study.rows import of_one_type, run_rows


def test_each_run_is_a_row_with_every_varied_field_and_every_metric():
    study = a_study()
    rows = run_rows(study)
    assert [row["run_id"] for row in rows] == [run.run_id for run in study.runs]
    assert len({tuple(row) for row in rows}) == 1
    first = next(row for row in rows if row["cell"] == "12")
    assert (first[BATCH], first[PRECISION], first[ATTENTION]) == (32, "bf16", "sdpa")
    assert first["energy_per_output_token_uncertainty"] == pytest.approx(0.01 * first["energy_per_output_token"])
    assert {"temperature_c", "place", "host", "gpus", "cycle", "state"} <= set(first)
    assert not any(isinstance(value, (dict, list, tuple)) for row in rows for value in row.values())


def test_a_failed_run_has_its_reason_and_no_numbers():
    row = next(row for row in run_rows(a_study(failed="12")) if row["cell"] == "12")
    assert row["failure"] == "out_of_memory"
    assert row["energy_per_output_token"] is None
    assert row["result"] is None


def test_whether_the_energy_is_an_estimate_is_not_known_without_energy():
    study = a_study(failed="03")
    kinds = {row["energy_estimated"] for row in run_rows(study) if row["state"] == "failed"}
    assert kinds == {None}
    assert run_rows(study)[0]["energy_estimated"] is False


def test_energy_that_no_run_has_measured_is_no_column():
    row = run_rows(a_study(measured=False))[0]
    assert "energy_per_output_token" not in row
    assert row["tokens_per_second"] > 0


def test_fields_that_change_together_have_a_column_each():
    lengths = Factor(
        name="max_input_tokens, max_output_tokens",
        fields=("max_input_tokens", "max_output_tokens"),
        levels=((128, 128), (1024, 256)),
    )
    design = a_design().model_copy(update={"factors": (lengths,)})
    cells = tuple(cell.model_copy(update={"levels": {lengths.name: 1}}) for cell in design.cells)
    rows = run_rows(a_study().model_copy(update={"design": design.model_copy(update={"cells": cells})}))
    assert {(row["max_input_tokens"], row["max_output_tokens"]) for row in rows} == {(1024, 256)}


def test_a_factor_that_does_not_apply_is_none():
    study = a_study()
    cells = tuple(cell.model_copy(update={"levels": {BATCH: 0}}) for cell in study.design.cells)
    design = study.design.model_copy(update={"cells": cells})
    assert {row[PRECISION] for row in run_rows(study.model_copy(update={"design": design}))} == {None}


@pytest.mark.parametrize(
    ("values", "alike"),
    [
        ([1, None, 2], [1, None, 2]),
        ([1, 2.5], [1.0, 2.5]),
        ([True, False], [True, False]),
        ([True, 1], ["true", "1"]),
        (["a", 1, None], ["a", "1", None]),
        ([{"x": 1}, [2]], ['{"x": 1}', "[2]"]),
        ([None], [None]),
    ],
)
def test_a_column_has_one_type(values, alike):
    assert of_one_type(values) == alike
    assert list(map(type, of_one_type(values))) == list(map(type, alike))


def test_pandas_accepts_the_rows_unchanged():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(run_rows(a_study(failed="12")))
    means = frame.groupby(BATCH)["energy_per_output_token"].mean()
    assert means[32] < means[1]
    assert frame["temperature_c"].dtype == float


def test_polars_accepts_the_rows_unchanged():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(run_rows(a_study(failed="12")))
    assert frame.schema["energy_per_output_token"] == polars.Float64
    assert frame.schema[BATCH] == polars.Int64


def test_pyarrow_accepts_the_rows_unchanged():
    pyarrow = pytest.importorskip("pyarrow")
    assert pyarrow.Table.from_pylist(run_rows(a_study(failed="12"))).num_rows == 36
