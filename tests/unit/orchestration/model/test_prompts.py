"""Prompts that do not fit a model are found before the run, by files alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.orchestration.model.prompts import notes_on_length, prompt_findings, vocabulary_findings
from llenergymeasure.orchestration.model.required_files import ModelFiles
from llenergymeasure.orchestration.model.tokenizer_file import encoded, highest_id

GPT2 = {"model_type": "gpt2", "n_positions": 64, "vocab_size": 100}
LLAMA = {"model_type": "llama", "max_position_embeddings": 64, "vocab_size": 100}
SYNTHETIC = {"n": 200, "input_len": 50, "output_len": 20}


def model(config: dict[str, Any], directory: Path | None = None, kind: str = "model") -> ModelFiles:
    return ModelFiles(kind, "org/m", config, directory)


def experiment(**fields: Any) -> ExperimentConfig:
    return ExperimentConfig(**{"model": "org/m", "n": 2, "max_output_tokens": 16, **fields})


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """A directory with two prompts and a tokenizer of 100 ids."""
    lines = [json.dumps({"prompt": text}) for text in ("short", "long")]
    (tmp_path / "prompts.jsonl").write_text("\n".join(lines))
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {f"t{i}": i for i in range(100)}}}))
    return tmp_path


def never(directory: Path, texts: Any) -> None:
    raise AssertionError("asked")


def as_ids(*ids: list[int]) -> Any:
    return lambda directory, texts: list(ids)


def found(config: ExperimentConfig, files: ModelFiles, encode: Any = never) -> list[str]:
    return [finding.problem for finding in prompt_findings(config, files, encode)]


def test_a_synthetic_prompt_that_is_too_long_is_found() -> None:
    config = experiment(dataset=SYNTHETIC)
    assert found(config, model(GPT2)) == [
        "model 'org/m': a prompt of 50 tokens with 20 output tokens needs 69 positions, but the model has 64"
    ]
    assert found(experiment(dataset={**SYNTHETIC, "output_len": 15}), model(GPT2)) == []


def test_the_texts_are_not_read_when_the_limit_fits(prompts: Path) -> None:
    config = experiment(dataset=str(prompts / "prompts.jsonl"), max_input_tokens=49)
    assert found(config, model(GPT2, prompts)) == []


@pytest.mark.parametrize("limit", [50, 512, None])
def test_texts_are_counted_where_the_limit_is_too_high(prompts: Path, limit: int | None) -> None:
    config = experiment(dataset=str(prompts / "prompts.jsonl"), max_input_tokens=limit)
    assert found(config, model(GPT2, prompts), as_ids([1], [1] * 49)) == []
    (problem,) = found(config, model(GPT2, prompts), as_ids([1], [1] * 50))
    assert "a prompt of 50 tokens with 16 output tokens needs 65 positions" in problem


def test_a_text_is_counted_as_it_will_be_cut(prompts: Path) -> None:
    config = experiment(dataset=str(prompts / "prompts.jsonl"), max_input_tokens=60)
    (finding,) = prompt_findings(config, model(GPT2, prompts), as_ids([1] * 999))
    assert "a prompt of 60 tokens" in finding.problem
    assert finding.fix.startswith("set max_input_tokens: 49")


def test_an_output_that_leaves_no_positions_is_found_without_a_tokenizer(prompts: Path) -> None:
    config = experiment(dataset=str(prompts / "prompts.jsonl"), max_output_tokens=65)
    (problem,) = found(config, model(GPT2), as_ids())
    assert "needs 65 positions, but the model has 64" in problem
    assert found(experiment(max_output_tokens=64), model(GPT2)) == []


def test_an_id_outside_of_the_embedding_is_found(prompts: Path) -> None:
    config = experiment(dataset=str(prompts / "prompts.jsonl"), max_input_tokens=10)
    small = model({**GPT2, "vocab_size": 90}, prompts)
    assert found(config, small, as_ids([1, 89])) == []
    (problem,) = found(config, small, as_ids([1, 95], [2]))
    assert problem == "the tokenizer of model 'org/m' gives the id 95, but the model has 90 token ids"
    assert found(experiment(dataset=SYNTHETIC, max_output_tokens=1), model({**LLAMA, "vocab_size": 90}, prompts)) == []


def test_a_dataset_that_cannot_be_read_is_left_to_its_own_check(prompts: Path) -> None:
    assert found(experiment(dataset="nowhere.jsonl"), model(GPT2, prompts)) == []


def test_longer_than_a_rotary_model_was_made_for_is_a_note() -> None:
    config = experiment(dataset=SYNTHETIC)
    assert found(config, model(LLAMA)) == []
    (note,) = notes_on_length(config, model(LLAMA))
    assert "was designed for 64 positions" in note
    assert "up to 69" in note
    assert list(notes_on_length(config, model(GPT2))) == []
    assert list(notes_on_length(experiment(max_input_tokens=49), model(LLAMA))) == []
    assert list(notes_on_length(experiment(max_input_tokens=None), model(LLAMA))) == []


def test_a_draft_model_with_another_vocabulary_is_found() -> None:
    draft = model({**LLAMA, "vocab_size": 99}, kind="draft model")
    (finding,) = vocabulary_findings(model(LLAMA), draft)
    assert finding.problem.startswith("draft model 'org/m' has 99 token ids, but model 'org/m' has 100")
    assert list(vocabulary_findings(model(LLAMA), model(LLAMA))) == []
    assert list(vocabulary_findings(model({}), draft)) == []


@pytest.mark.parametrize(
    ("stated", "highest"),
    [
        ({"model": {"vocab": {"a": 3, "b": 7}}}, 7),
        ({"model": {"vocab": [["a", -1.0], ["b", -2.0]]}}, 1),
        ({"model": {"vocab": {}}}, None),
        ({"model": {"vocab": []}}, None),
        ({"model": {"vocab": {"a": "b"}}}, None),
        ({"model": {}}, None),
        ({"model": None}, None),
        ([], None),
    ],
)
def test_the_highest_id_is_read_from_the_file(tmp_path: Path, stated: Any, highest: int | None) -> None:
    (tmp_path / "tokenizer.json").write_text(json.dumps(stated))
    assert highest_id(tmp_path) == highest


def test_without_a_tokenizer_file_nothing_is_known(tmp_path: Path) -> None:
    assert highest_id(tmp_path) is None
    assert encoded(tmp_path, ["a"]) is None
    (tmp_path / "tokenizer.json").write_text("{")
    assert highest_id(tmp_path) is None
    assert encoded(tmp_path, ["a"]) is None


def test_texts_are_encoded_as_transformers_encodes_them() -> None:
    pytest.importorskip("tokenizers")
    from llenergymeasure.models.builtin import BUILTIN_MODELS

    directory = BUILTIN_MODELS["builtin/tiny-llama"]
    ids = encoded(directory, ["Hello, world!", ""])
    assert ids is not None
    assert 0 < len(ids[0]) < 14
    assert ids[1] == []
    assert highest_id(directory) == 8191
