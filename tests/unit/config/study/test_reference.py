"""The reference selects exactly one cell; without one it is the first."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llenergymeasure import ExperimentConfig, StudyConfig

GRID = "model: m\nsweep:\n  precision: [fp16, bf16]\n  pytorch.batch_size: [null, 8]\n"


def test_the_first_value_of_each_axis_is_the_reference(study):
    assert study(GRID).reference_cell == 0


def test_where_that_cell_is_excluded_the_first_that_is_left_is_the_reference(study):
    found = study(f"{GRID}exclude: [{{precision: fp16, pytorch.batch_size: null}}]\n")
    assert found.reference_cell == 0
    assert found.experiments[0].pytorch.batch_size == 8


@pytest.mark.parametrize(
    "written", ["{precision: bf16, pytorch.batch_size: 8}", "{precision: bf16, pytorch: {batch_size: 8}}"]
)
def test_values_select_the_cell(study, written):
    assert study(f"{GRID}reference: {written}\n").reference_cell == 3


def test_a_default_may_be_named(study):
    assert study(f"{GRID}reference: {{precision: bf16, pytorch.batch_size: 1, backend: pytorch}}\n").reference_cell == 2


def test_a_cell_of_a_list_may_be_the_reference(study):
    assert study("model: m\nexperiments: [{n: 1}, {n: 2}]\nreference: {n: 2}\n").reference_cell == 1


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("fp16", "'reference:' is \"fp16\"; write fields and values that select one cell"),
        ("{}", "'reference:' is {}"),
        ("{precision: bf16}", "reference: it selects 2 cells; name one value of pytorch.batch_size (1, 8)"),
        ("{precison: bf16}", "reference: precison is not a field of these cells; did you mean 'precision'?"),
        ("{precision: bf61}", "reference: no cell has precision bf61; did you mean 'bf16'? levels: fp16, bf16"),
        ("{pytorch.batch_size: 4}", "reference: no cell has pytorch.batch_size 4; levels: 1, 8"),
        ("{'n, random_seed': 4}", "reference: 4 is not a list of 2 values"),
    ],
)
def test_a_reference_that_does_not_select_one_cell_is_refused_with_the_levels(complaint, written, words):
    message = complaint(f"{GRID}reference: {written}\n")
    assert message.startswith("study.yaml, line 5, column 1: ")
    assert words in message


def test_a_study_in_python_checks_its_reference_too():
    cells = [ExperimentConfig(model="m", n=n) for n in (1, 2)]
    assert StudyConfig(experiments=cells, reference={"n": 2}).reference_cell == 1
    with pytest.raises(ValidationError, match=r"no cell has n 3; levels: 1, 2"):
        StudyConfig(experiments=cells, reference={"n": 3})


def test_an_axis_of_the_command_line_has_its_first_value_in_the_reference_of_a_file(study):
    text = f"{GRID}reference: {{precision: bf16, pytorch.batch_size: 8}}\n"
    found = study(text, None, ["random_seed=7,8", "vllm.max_num_seqs=1,2", "backend=pytorch,vllm"])
    reference = found.experiments[found.reference_cell]
    assert (reference.precision, reference.pytorch.batch_size, reference.random_seed) == ("bf16", 8, 7)
    assert study(text).reference_cell == 3
