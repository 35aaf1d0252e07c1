"""A path in a configuration file is that of a file beside it, wherever the command is started."""

from __future__ import annotations

import os

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.config.files.beside import with_files_beside
from llenergymeasure.config.loader import load_experiment_config
from llenergymeasure.config.study.load import load_study_config
from llenergymeasure.config.suite import read_suite


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder `own` with two files of prompts, and the working directory beside it."""
    own, elsewhere = tmp_path / "own", tmp_path / "elsewhere"
    for place in (own, elsewhere):
        place.mkdir()
    for name in ("a.jsonl", "b.jsonl"):
        (own / name).write_text('{"prompt": "Name a colour."}\n')
    monkeypatch.chdir(elsewhere)
    return own


def written(folder, text):
    path = folder / "config.yaml"
    path.write_text(text)
    return path


def test_prompts_beside_the_configuration_are_found_from_another_folder(folder):
    path = written(folder, "model: builtin/tiny-llama\ndataset: a.jsonl\n")
    assert load_experiment_config(path).dataset == str(folder / "a.jsonl")
    assert ExperimentConfig.from_yaml(path).dataset == str(folder / "a.jsonl")
    assert load_experiment_config("../own/config.yaml").dataset == "../own/a.jsonl"


def test_the_configuration_and_its_hash_are_as_before_where_the_path_was_right(folder, monkeypatch):
    monkeypatch.chdir(folder)
    path = written(folder, "model: builtin/tiny-llama\ndataset: a.jsonl\n")
    for source in ("config.yaml", path):
        config = load_experiment_config(source)
        assert config.dataset == "a.jsonl"
        assert config.config_hash == ExperimentConfig(model="builtin/tiny-llama", dataset="a.jsonl").config_hash


def test_a_path_from_the_working_directory_still_works(folder):
    (folder.parent / "elsewhere" / "c.jsonl").write_text("{}\n")
    path = written(folder, "model: builtin/tiny-llama\ndataset: c.jsonl\n")
    assert load_experiment_config(path).dataset == "c.jsonl"


def test_the_file_beside_the_configuration_is_taken_where_both_exist(folder):
    (folder.parent / "elsewhere" / "a.jsonl").write_text("{}\n")
    path = written(folder, "model: builtin/tiny-llama\ndataset: a.jsonl\n")
    assert load_experiment_config(path).dataset == str(folder / "a.jsonl")


def test_axes_references_and_entries_of_a_study_agree(folder):
    text = "model: builtin/tiny-llama\nsweep: {dataset: [a.jsonl, b.jsonl]}\nreference: {dataset: b.jsonl}\n"
    study = load_study_config(written(folder, text))
    assert [each.dataset for each in study.experiments] == [str(folder / "a.jsonl"), str(folder / "b.jsonl")]
    assert study.reference == {"dataset": str(folder / "b.jsonl")}
    listed = load_study_config(written(folder, "model: builtin/tiny-llama\nexperiments: [{dataset: a.jsonl}]\n"))
    assert listed.experiments[0].dataset == str(folder / "a.jsonl")


def test_a_base_file_names_what_is_beside_itself(folder):
    written(folder, "model: builtin/tiny-llama\ndataset: a.jsonl\n")
    study = folder.parent / "study.yaml"
    study.write_text("base: own/config.yaml\nsweep: {n: [1, 2]}\n")
    assert {each.dataset for each in load_study_config(study).experiments} == {str(folder / "a.jsonl")}


def test_a_suite_of_pytest_names_what_is_beside_itself(folder):
    text = "defaults: {model: builtin/tiny-llama, dataset: a.jsonl}\nexperiments: {one: {n: 1}}\n"
    (entry,) = read_suite(written(folder, text), ())
    assert entry.config.dataset == str(folder / "a.jsonl")


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"model": "./merged"}, {"model": "F/merged"}),
        ({"lora": {"adapter_path": "./merged"}}, {"lora": {"adapter_path": "F/merged"}}),
        ({"lora.adapter_path": ["./merged"]}, {"lora.adapter_path": ["F/merged"]}),
        ({"dataset, n": [["a.jsonl", 1]]}, {"dataset, n": [["F/a.jsonl", 1]]}),
        ({"model": "merged"}, {"model": "merged"}),  # may be the id of a model
        ({"dataset": "missing.jsonl"}, {"dataset": "missing.jsonl"}),
        ({"dataset": "aienergyscore"}, {"dataset": "aienergyscore"}),
        ({"dataset": "x" * 5000 + ".jsonl"}, {"dataset": "x" * 5000 + ".jsonl"}),
        ({"dataset": "a\0.jsonl"}, {"dataset": "a\0.jsonl"}),
        ({"dataset": {"n": 1}}, {"dataset": {"n": 1}}),
        ({"name": "a.jsonl"}, {"name": "a.jsonl"}),
    ],
    ids=str,
)
def test_only_what_is_written_as_a_path_is_looked_for(folder, fields, found):
    (folder / "merged").mkdir()
    assert str(with_files_beside(fields, folder)).replace(f"{folder}{os.sep}", "F/") == str(found)


def test_the_program_and_the_tokenizer_of_a_server_are_found_beside_its_configuration(folder):
    for name in ("serve.sh", "own_tokenizer"):
        (folder / name).write_text("")
    section = "launch: [./serve.sh, '{port}', ./absent, serve.sh], tokenizer: ./own_tokenizer"
    path = written(folder, f"model: m\nbackend: server\nserver: {{{section}}}\n")
    server = load_experiment_config(path).server
    assert server.launch == (str(folder / "serve.sh"), "{port}", "./absent", "serve.sh")
    assert server.tokenizer == str(folder / "own_tokenizer")
