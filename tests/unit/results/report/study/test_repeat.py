"""The file that repeats a study describes the same cells, reference and protocol."""

from __future__ import annotations

import pytest

from a_study import ATTENTION, BATCH, PRECISION, a_design, a_study
from llenergymeasure.config.study.load import load_study_config
from llenergymeasure.config.user_config import ExecutionSettings
from llenergymeasure.domain.study.design import Factor
from llenergymeasure.domain.study.result import StudyData
from llenergymeasure.results.report.study.repeat import yaml_text
from llenergymeasure.study.design import protocol_of

LENGTHS = Factor(
    name="max_input_tokens, max_output_tokens",
    fields=("max_input_tokens", "max_output_tokens"),
    levels=((128, 128), (None, 256)),
)
PASSED = Factor(name="passthrough_kwargs", fields=("passthrough_kwargs",), levels=({"a.b": None}, {"a.b": 2}))


def read_back(study: StudyData, tmp_path):
    file = tmp_path / "study.yaml"
    file.write_text(yaml_text(study), encoding="utf-8")
    return load_study_config(file)


@pytest.mark.parametrize(
    "design",
    [
        a_design(),
        a_design(()),
        a_design((LENGTHS,), name='quotes " and: colons', model="a/b"),
        a_design((PASSED,)),
        a_design(name=None),
    ],
    ids=["grid", "one cell", "lengths", "further arguments", "no name"],
)
def test_the_cells_are_those_of_the_study(design, tmp_path):
    again = read_back(a_study(design), tmp_path)
    assert [each.config_hash for each in again.experiments] == [cell.config_hash for cell in design.cells]
    assert again.name == design.name
    assert again.reference_cell == 0


def test_another_reference_is_that_of_the_study(tmp_path):
    design = a_design().model_copy(update={"reference": "07"})
    assert read_back(a_study(design), tmp_path).reference_cell == 6
    assert {BATCH, PRECISION, ATTENTION} == {name for factor in design.factors for name in factor.fields}


def test_the_protocol_is_that_of_the_study(tmp_path):
    study = a_study(
        n_cycles=4, order="interleaved", seed=11, isolation="spawn", experiment_gap_s=3.0, cycle_gap_s=7.5,
        cooldown_celsius=None, timeout_s=99.0, control=True,
    )  # fmt: skip
    assert protocol_of(read_back(study, tmp_path), study.design, ExecutionSettings()) == study.protocol
