"""`exclude` takes combinations out of the grid, and an entry without effect is an error."""

from __future__ import annotations

import pytest

GRID = "model: m\nsweep:\n  precision: [fp16, bf16]\n  pytorch.batch_size: [1, 8]\n  n, random_seed: [[5, 1], [6, 2]]\n"


def test_an_entry_takes_out_every_cell_that_it_matches(study):
    found = study(
        f"{GRID}exclude:\n- {{precision: fp16, pytorch.batch_size: 8}}\n- {{n: 6, precision: bf16}}\n"
    ).experiments
    cells = [(each.precision, each.pytorch.batch_size, each.n) for each in found]
    assert cells == [("fp16", 1, 5), ("fp16", 1, 6), ("bf16", 1, 5), ("bf16", 8, 5)]


@pytest.mark.parametrize("entry", ["pytorch: {batch_size: 8}", "pytorch.batch_size: 8"])
def test_a_section_may_be_written_as_a_mapping(study, entry):
    assert len(study(f"{GRID}exclude: [{{{entry}}}]\n").experiments) == 4


def test_fields_named_together_may_be_excluded_together(study):
    found = study(f"{GRID}exclude:\n- {{'n, random_seed': [5, 1]}}\n").experiments
    assert {each.n for each in found} == {6}


def test_a_section_as_value_is_matched_by_a_part_of_it(study):
    text = "model: m\nsweep:\n  dataset: [aienergyscore, {n: 200, input_len: 8}, {n: 200, input_len: 9}]\n"
    found = study(f"{text}exclude: [{{dataset.input_len: 9}}, {{dataset: aienergyscore}}]\n").experiments
    assert [each.dataset.input_len for each in found] == [8]


@pytest.mark.parametrize(
    ("exclude", "words"),
    [
        (" {precision: fp16}", 'line 6, column 1: \'exclude:\' is {"precision": "fp16"}, not a list'),
        (" [5]", "line 6, column 11: exclude 1 is 5; write fields and values"),
        (" [{}]", "exclude 1 is {}"),
        (" [{precison: fp16}]", "precison is not a field of these cells; did you mean 'precision'?"),
        (" [{precision: fp61}]", "exclude 1 matches no cell: no cell has precision fp61; did you mean 'fp16'? levels: fp16, bf16"),
        (" [{pytorch.batch_size: true}]", "no cell has pytorch.batch_size true; levels: 1, 8"),
        (" [{n: 5, random_seed: 2}]", "no cell has these values together"),
        (" [{'n, random_seed': 5}]", "exclude 1: 5 is not a list of 2 values"),
        (" [{precision: fp16}, {precision: bf16}]", "line 6, column 1: 'exclude:' leaves no cell of the sweep"),
    ],
)  # fmt: skip
def test_an_exclude_that_is_not_understood_or_has_no_effect_is_refused(complaint, exclude, words):
    assert words in complaint(f"{GRID}exclude:{exclude}\n")


def test_an_exclude_needs_a_sweep(complaint):
    message = complaint("model: m\nexperiments: [{n: 1}]\nexclude: [{n: 1}]\n")
    assert message.startswith("study.yaml, line 3, column 1: 'exclude:' needs a 'sweep:'")
