"""A study in plain text for the command line."""

from __future__ import annotations

from a_study import a_study
from llenergymeasure._api.study_text import run_line, study_text
from llenergymeasure.domain.results import StudyResult
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.study.outlook import Progressed

ROW = RunRow(
    run_id="01.c2", place=5, cell="01", cycle=2, block="cycle 2", state="completed",
    values={"energy_per_output_token": 0.05, "tokens_per_second": 900.0},
    uncertainties={"energy_per_output_token": 0.001},
)  # fmt: skip


def test_a_line_has_place_cell_numbers_and_the_time_that_is_left():
    line = run_line(ROW, "batch_size 8", Progressed(5, 36, 1500.0))
    assert line == "run 5 of 36, 25 min left: batch_size 8 (cycle 2): 0.05 J/token +- 0.002 J/token, 900 tokens/s"


def test_a_control_run_is_called_one_and_the_last_run_has_no_time_left():
    row = ROW.model_copy(update={"role": "control_last"})
    assert run_line(row, "batch_size 8", Progressed(36, 36, 0.0)).startswith(
        "run 36 of 36: batch_size 8 (cycle 2, control): "
    )


def test_the_text_has_the_tables_of_cells_and_factors_in_columns():
    study = a_study()
    found = StudyResult.model_validate(study.model_dump(by_alias=True, exclude={"study_design_hash"}))
    lines = study_text(found).splitlines()
    heads = [line for line in lines if line.startswith(("cell ", "factor "))]
    assert len(heads) == 2
    assert lines.index(heads[1]) < lines.index(study.answer)
    assert heads[0].startswith("cell  batch size  precision  attention  runs  energy per output token in J/token  ")
    assert "throughput in tokens/s" in heads[0]
    assert "p (ranks)" not in heads[1]
    assert max(map(len, study_text(found, width=80).splitlines()[:18])) < len(heads[0]) - 30
    rows = lines[lines.index(heads[0]) + 1 :][:12]
    assert [row[:2] for row in rows] == [f"{number:02}" for number in range(1, 13)]
