"""A container sees what an experiment names, at the same path, and read-only where nothing is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.exceptions import PreFlightError
from llenergymeasure.launch.runners.container.mounts import (
    Mount,
    cache_variables,
    make_working_directory,
    mounts_for,
    paths_in,
)


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A working directory with a model, a file of prompts and an adapter."""
    for name in ("work/model", "adapter", "hub"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "work" / "prompts.jsonl").write_text('{"prompt": "a"}\n')
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def environ_of(place):
    return {"HOME": str(place), "HF_HOME": str(place / "hub")}


def config(**fields):
    return ExperimentConfig(**{"model": "gpt2", **fields})


def test_a_model_of_the_hub_needs_only_the_cache(work):
    assert mounts_for([config()], environ_of(work)) == (Mount(work / "hub", writable=True),)
    assert (work / "hub" / "hub").is_dir()


def test_local_models_prompts_and_adapters_are_read_only(work):
    found = mounts_for(
        [config(model=str(work / "work/model"), dataset="./prompts.jsonl", lora={"adapter_path": "../adapter"})],
        environ_of(work),
    )
    assert found == (
        Mount(work / "adapter"),
        Mount(work / "hub", writable=True),
        Mount(work / "work/model"),
        Mount(work / "work/prompts.jsonl"),
    )
    assert found[0].options == ("--mount", f"type=bind,source={work}/adapter,target={work}/adapter,readonly")
    assert found[1].options == ("--mount", f"type=bind,source={work}/hub,target={work}/hub")


def test_a_name_that_is_no_path_is_no_mount(work):
    assert list(paths_in(config(dataset="aienergyscore"))) == []


def test_the_files_that_a_model_links_to_are_seen_too(work):
    (work / "blobs").mkdir()
    (work / "blobs" / "1234").touch()
    (work / "work/model/model.safetensors").symlink_to("../../blobs/1234")
    found = mounts_for([config(model="./model")], environ_of(work))
    assert Mount(work / "blobs") in found


def test_a_cache_elsewhere_and_that_of_vllm_are_seen_too(work):
    environ = {**environ_of(work), "HF_HUB_CACHE": str(work / "other"), "VLLM_CACHE_ROOT": "compiled"}
    assert cache_variables(environ) == {
        "HF_HOME": str(work / "hub"),
        "HF_HUB_CACHE": str(work / "other"),
        "VLLM_CACHE_ROOT": str(work / "work/compiled"),
    }
    assert [mount.path for mount in mounts_for([], environ)] == [work / "hub", work / "other", work / "work/compiled"]


def test_a_cache_that_cannot_be_made_is_no_mount(work):
    (work / "file").touch()
    assert mounts_for([], {"HOME": str(work), "HF_HOME": str(work / "file/hub")}) == ()


def test_a_path_with_a_comma_is_an_error_that_names_it(work):
    with pytest.raises(PreFlightError, match="/models/a,b has a comma"):
        _ = Mount(Path("/models/a,b")).options


def test_relative_paths_mean_the_same_in_the_working_directory_of_the_container(work):
    folder = work / "run"
    folder.mkdir()
    named = config(model="./model", dataset="./prompts.jsonl", lora={"adapter_path": "../adapter"})
    working = make_working_directory(folder, [named])
    inside = folder / working
    assert working == f"cwd{work}/work"
    for text in ("./model", "./prompts.jsonl", "../adapter"):
        assert Path(os.path.normpath(inside / text)).readlink() == Path(os.path.normpath(work / "work" / text))


def test_the_working_directory_may_be_made_twice(work):
    (work / "run").mkdir()
    named = [config(model="./model")]
    assert make_working_directory(work / "run", named) == make_working_directory(work / "run", named)
