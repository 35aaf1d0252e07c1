"""A stored result is repeated with its configuration, and what that does not determine is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from a_result import a_result
from a_study import a_study
from llenergymeasure import ExperimentConfig
from llenergymeasure._api.repeat import compare_command, repeat_of
from llenergymeasure._api.request import study_of
from llenergymeasure._version import __version__
from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.domain.files.study import write_study
from llenergymeasure.exceptions import ConfigError

CONFIGS = {
    "the least": {"n": 2},
    "sections": {
        "n": 3, "precision": "fp32", "decoder": {"decoding_strategy": "sampling", "top_p": 0.5}, "lora": {"adapter_id": "a/b"},
        "pytorch": {"batch_size": 4, "revision": "abc", "load_format": "dummy"}, "baseline": {"enabled": False},
    },
    "synthetic prompts": {"n": 3, "dataset": {"n": 4, "input_len": 8, "output_len": 8}},
    "any text": {"n": 2, "passthrough_kwargs": {"x": "1e3", "y": [True, None, -1.5]}},
}  # fmt: skip


def saved(tmp_path, **changes) -> Path:
    """The folder of a result of this version with the prompts of today."""
    result = a_result().model_copy(update={"tool_version": __version__, **changes})
    prompts = open_dataset(result.config.dataset, result.config.n, result.config.random_seed).info
    kept = result.model_copy(update={"dataset": prompts} if "dataset" not in changes else {})
    return kept.save(tmp_path).parent


@pytest.mark.parametrize("fields", CONFIGS.values(), ids=CONFIGS)
def test_a_repeat_has_the_same_configuration(tmp_path, fields):
    config = ExperimentConfig(model="org/m", **fields)
    folder = saved(tmp_path, config=config, measurement_config_hash=config.config_hash)
    for place in (folder, folder / "result.json"):
        (again,) = study_of(repeat_of(place).document, {}, []).experiments
        assert again == config
        assert again.config_hash == config.config_hash


def test_an_option_changes_the_repeat(tmp_path):
    (again,) = study_of(repeat_of(saved(tmp_path)).document, {"n": 7}, ["precision=fp32"]).experiments
    assert (again.n, again.precision) == (7, "fp32")


def test_no_note_when_the_configuration_determines_everything(tmp_path):
    assert repeat_of(saved(tmp_path)).notes == ()


def test_choices_that_the_configuration_leaves_open_are_reported(tmp_path):
    result = a_result()
    folder = saved(
        tmp_path,
        tool_version="2.0.0rc1",
        run_id="03.c1",
        model_info=result.model_info.model_copy(update={"revision": "abcdef", "backend": None}),
        dataset=result.dataset.model_copy(update={"sha256": "0" * 64}),
    )
    version, run, revision, prompts = repeat_of(folder).notes
    assert version == f"llenergymeasure 2.0.0rc1 measured it, and this is {__version__}"
    assert run.startswith("it was run 03.c1 of a study")
    assert revision.endswith("to load the same, add --set pytorch.revision=abcdef")
    assert prompts.endswith("are not those of the result: their hash differs")


def test_a_study_and_a_result_of_a_program_are_refused(tmp_path):
    write_study(a_study(), tmp_path / "study")
    with pytest.raises(ConfigError, match="is a study, not one result; name the folder of one of its runs"):
        repeat_of(tmp_path / "study")
    engine = a_result().model_info.model_copy(update={"backend": "mine"})
    with pytest.raises(ConfigError, match="with the engine mine of a program; run that program again"):
        repeat_of(saved(tmp_path, model_info=engine))


def test_a_folder_without_a_result_is_refused(tmp_path):
    with pytest.raises(ConfigError):
        repeat_of(tmp_path)


def test_the_command_that_compares_both_is_one_for_a_shell():
    assert compare_command(Path("my results/a"), Path("b")) == "llem compare 'my results/a' b"
