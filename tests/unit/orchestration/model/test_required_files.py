"""The files in a directory that was named as a model, and what to name instead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import Finding
from llenergymeasure.orchestration.model.hub import is_offline
from llenergymeasure.orchestration.model.required_files import AskHub, RequiredFiles, findings_about, required_by

ADAPTER = "adapter_config.json"


def found(
    name: str | Path, environ: dict[str, str] | None = None, ask: AskHub | None = None, **what: object
) -> list[Finding]:
    return list(findings_about(RequiredFiles(str(name), **what), environ or {}, ask))  # type: ignore[arg-type]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    place = tmp_path / "model"
    place.mkdir()
    return place


def written(path: Path, content: object = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({} if content is None else content))
    return path


def test_an_adapter_given_as_the_model_names_its_setting_and_its_base(directory: Path) -> None:
    written(directory / ADAPTER, {"base_model_name_or_path": "org/base"})
    (finding,) = found(directory)
    assert finding.problem == f"{directory} has an adapter, not a model"
    assert finding.fix == f"set model: org/base and lora.adapter_path: {directory}"


@pytest.mark.parametrize("content", [{}, {"base_model_name_or_path": None}, [], "text"])
def test_an_adapter_that_does_not_state_its_base_is_reported_too(directory: Path, content: object) -> None:
    written(directory / ADAPTER, content)
    (finding,) = found(directory)
    assert finding.fix == f"set model: <the model that it was trained on> and lora.adapter_path: {directory}"


def test_an_adapter_of_the_hub_given_as_the_model_names_its_setting(tmp_path: Path) -> None:
    written(tmp_path / "models--org--lora" / "snapshots" / "main" / ADAPTER, {"base_model_name_or_path": "org/base"})
    (finding,) = found("org/lora", {"HF_HUB_CACHE": str(tmp_path)})
    assert finding.fix == "set model: org/base and lora.adapter_id: org/lora"
    assert found("org/lora", {"HF_HUB_CACHE": str(tmp_path)}, file=ADAPTER, needs_weights=False) == []


def test_an_adapter_beside_the_model_is_not_applied_automatically(directory: Path) -> None:
    written(directory / "config.json")
    written(directory / ADAPTER)
    (directory / "pytorch_model.bin").touch()
    (finding,) = found(directory)
    assert "has an adapter beside the model, which transformers would apply automatically" in finding.problem
    assert "lora.adapter_path" in finding.fix
    assert found(directory, file=ADAPTER, needs_weights=False) == []


def test_a_directory_with_a_gguf_file_alone_names_the_file(directory: Path) -> None:
    (directory / "a.gguf").touch()
    (finding,) = found(directory)
    assert finding.problem == f"directory {directory} has no config.json, but the GGUF file a.gguf"
    assert finding.fix == f"set model: {directory / 'a.gguf'}"


@pytest.mark.parametrize("below", ["inner", "snapshots/0123"])
def test_a_directory_around_the_model_names_the_one_inside(directory: Path, below: str) -> None:
    written(directory / below / "config.json")
    (finding,) = found(directory)
    assert finding.problem == f"directory {directory} has no config.json"
    assert finding.fix == f"name the directory that has it: {directory / below}"


def test_an_adapter_inside_the_directory_that_was_named_is_found(directory: Path) -> None:
    written(directory / "checkpoint-10" / ADAPTER)
    (finding,) = found(directory, file=ADAPTER, needs_weights=False)
    assert finding.fix == f"name the directory that has it: {directory / 'checkpoint-10'}"


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "weights.bin"])
def test_a_file_in_place_of_its_directory_names_the_directory(directory: Path, name: str) -> None:
    written(directory / name)
    (finding,) = found(directory / name)
    assert finding.problem == f"model '{directory / name}' is a file, not a directory"
    assert finding.fix == f"name its directory: {directory}"


def test_a_damaged_configuration_is_found_before_the_run(directory: Path) -> None:
    (directory / "config.json").write_text("{")
    (finding,) = found(directory)
    assert "config.json cannot be read as JSON" in finding.problem
    assert finding.fix == "fetch or copy the model again"


@pytest.mark.parametrize("name", ["a b/c/d", "./models/mine", "../mine", "/no/such/place", "x" * 5000 + "/"])
@pytest.mark.parametrize("kind", [{}, {"file": ADAPTER, "needs_weights": False}])
def test_a_name_that_is_no_repository_is_found_without_asking_the_hub(name: str, kind: dict[str, object]) -> None:
    (finding,) = found(name, **kind)
    assert "neither an existing directory nor a repository id" in finding.problem


def test_vllm_does_not_apply_an_adapter_beside_the_model(directory: Path) -> None:
    written(directory / "config.json")
    written(directory / ADAPTER)
    assert found(directory, needs_weights=False, section="vllm") == []
    assert len(found(directory, needs_weights=False)) == 1


def hub(model: str, revision: str | None, file: str, section: str) -> Iterator[Finding]:
    yield Finding(f"asked for {model}", "")


@pytest.mark.parametrize("value", ["1", "true", "YES", "on"])
@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_what_is_not_here_cannot_be_fetched_offline(variable: str, value: str) -> None:
    (finding,) = found("org/m", {variable: value, "HF_HOME": "/none"}, hub)
    assert "HF_HUB_OFFLINE forbids the download" in finding.problem


def test_the_hub_is_asked_where_that_is_allowed() -> None:
    assert not is_offline({"HF_HUB_OFFLINE": "0"})
    assert [finding.problem for finding in found("org/m", {"HF_HOME": "/none"}, hub)] == ["asked for org/m"]
    assert found("org/m", {"HF_HOME": "/none"}) == []


def test_arguments_that_choose_other_weights_are_left_to_transformers(directory: Path) -> None:
    written(directory / "config.json")
    chosen = ExperimentConfig(model=str(directory), passthrough_kwargs={"variant": "fp16"})
    (required,) = required_by(chosen)
    assert list(findings_about(required, {}, None)) == []


def test_whether_a_repository_runs_its_code_is_known_of_the_model_alone() -> None:
    config = ExperimentConfig(
        model="org/m",
        pytorch={"trust_remote_code": True},
        decoder={"speculative_decoding": True, "draft_model": "org/d"},
    )
    assert [required.runs_own_code for required in required_by(config)] == [True, False]
