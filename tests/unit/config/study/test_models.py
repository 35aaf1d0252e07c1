"""The configuration of a study: its defaults, its hash, and its form as JSON."""

from __future__ import annotations

import math

import pytest
from pydantic import ValidationError

from llenergymeasure import ExperimentConfig, StudyConfig
from llenergymeasure.config.introspection import invalid_examples, parameters, valid_example
from llenergymeasure.config.study.models import ExecutionConfig

CELLS = tuple(ExperimentConfig(model="m", n=n) for n in (1, 2))


def test_the_defaults_are_those_of_the_contract():
    assert ExecutionConfig().model_dump() == {
        "n_cycles": None, "cycle_order": "shuffled", "shuffle_seed": None, "experiment_gap_seconds": None,
        "cycle_gap_seconds": None, "cooldown_celsius": 5.0, "cooldown_max_seconds": 600.0,
        "experiment_timeout_seconds": None, "isolation": "process", "control": False,
    }  # fmt: skip


NUMBERS = (
    "n_cycles", "shuffle_seed", "experiment_gap_seconds", "cycle_gap_seconds", "cooldown_celsius",
    "cooldown_max_seconds", "experiment_timeout_seconds",
)  # fmt: skip


@pytest.mark.parametrize("value", [1e300, 10**30, math.inf, -math.inf, math.nan, -1, "5", True, [1]])
@pytest.mark.parametrize("name", NUMBERS)
def test_an_impossible_number_is_refused_with_its_field(name, value):
    with pytest.raises(ValidationError) as refusal:
        ExecutionConfig(**{name: value})
    assert [error["loc"] for error in refusal.value.errors()] == [(name,)]


def test_every_number_of_the_execution_is_checked_above():
    others = {"cycle_order", "isolation", "control"}
    assert {*NUMBERS, *others} == set(ExecutionConfig.model_fields)


def test_several_cells_have_three_cycles_and_one_cell_has_one():
    assert StudyConfig(experiments=CELLS).n_cycles == 3
    assert StudyConfig(experiments=CELLS[:1]).n_cycles == 1
    assert StudyConfig(experiments=CELLS, execution=ExecutionConfig(n_cycles=7)).n_cycles == 7


def test_the_hash_is_the_same_on_every_machine():
    assert StudyConfig(experiments=CELLS).study_design_hash == "834b0a712589e66b"


@pytest.mark.parametrize("execution", [{"n_cycles": 9}, {"shuffle_seed": 1}, {"isolation": "none", "control": True}])
def test_the_execution_does_not_change_the_hash(execution):
    same = StudyConfig(experiments=CELLS, execution=ExecutionConfig(**execution), name="other")
    assert same.study_design_hash == StudyConfig(experiments=CELLS).study_design_hash


def test_cells_prompts_and_reference_change_the_hash():
    studies = [
        StudyConfig(experiments=CELLS),
        StudyConfig(experiments=CELLS[:1]),
        StudyConfig(experiments=CELLS, reference={"n": 2}),
        StudyConfig(experiments=[each.model_copy(update={"dataset": "own.jsonl"}) for each in CELLS]),
    ]
    assert len({each.study_design_hash for each in studies}) == 4
    named = StudyConfig(experiments=CELLS, reference={"n": 1})
    assert named.study_design_hash == studies[0].study_design_hash


def of_file(file):
    return StudyConfig(experiments=[each.model_copy(update={"dataset": str(file)}) for each in CELLS])


def test_the_text_of_the_prompts_is_part_of_the_hash(tmp_path):
    file = tmp_path / "own.jsonl"
    absent = of_file(file).study_design_hash
    file.write_text('{"prompt": "one"}\n')
    first = of_file(file).study_design_hash
    file.write_text('{"prompt": "two"}\n')
    assert len({absent, first, of_file(file).study_design_hash}) == 3
    file.write_text('{"prompt": "one"}\n')
    assert of_file(file).study_design_hash == first


def test_a_file_with_the_name_of_the_built_in_prompts_is_not_read(tmp_path, monkeypatch):
    before = StudyConfig(experiments=CELLS).study_design_hash
    (tmp_path / CELLS[0].dataset).write_text("not the prompts")
    monkeypatch.chdir(tmp_path)
    assert StudyConfig(experiments=CELLS).study_design_hash == before


def test_a_study_survives_json(study):
    found = study(
        "name: n\nmodel: m\nsweep: {precision: [bf16, fp16, int8], pytorch.batch_size: [null, 1, 2]}\n"
        "reference: {precision: fp16, pytorch.batch_size: 2}\nexecution: {n_cycles: 2}\n"
    )
    assert found.skipped
    assert found.merged
    again = StudyConfig.model_validate_json(found.model_dump_json())
    assert again == found
    assert again.study_design_hash == found.study_design_hash


@pytest.mark.parametrize("execution", [{"n_cycles": 0}, {"experiment_gap_seconds": -1}, {"experiment_timeout_seconds": 0},
                                       {"experiment_gap_seconds": 86_401}, {"cycle_gap_seconds": 1e300},
                                       {"cooldown_max_seconds": 86_401},
                                       {"cooldown_celsius": 101}, {"cooldown_max_seconds": -1},
                                       {"cycle_order": "random"}, {"control": 1}])  # fmt: skip
def test_values_out_of_bounds_are_refused(execution):
    with pytest.raises(ValidationError):
        ExecutionConfig(**execution)


@pytest.mark.parametrize("parameter", parameters(ExecutionConfig), ids=lambda parameter: parameter.name)
def test_every_field_of_the_execution_takes_valid_values_and_no_others(parameter):
    changed = ExecutionConfig(**valid_example(parameter))
    assert changed != ExecutionConfig()
    for wrong in invalid_examples(parameter):
        with pytest.raises(ValidationError):
            ExecutionConfig(**{parameter.name: wrong})


def test_settings_of_a_study_have_no_effect_on_one_run():
    waits = ExecutionConfig(n_cycles=1, experiment_timeout_seconds=60, isolation="spawn")
    one = StudyConfig(experiments=CELLS[:1], execution=waits)
    assert one.without_effect == ("execution.experiment_timeout_seconds", "execution.isolation")
    assert StudyConfig(experiments=CELLS[:1]).without_effect == ()
    assert StudyConfig(experiments=CELLS, execution=waits).without_effect == ()
