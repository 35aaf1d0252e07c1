"""Finding a model on this machine, and telling whether its weights are whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llenergymeasure.exceptions import ConfigError
from llenergymeasure.models.builtin import BUILTIN_MODELS
from llenergymeasure.orchestration.model.local_files import (
    check_weights,
    hub_cache,
    local_config,
    local_directory,
    local_weights_bytes,
    missing_weights,
)
from llenergymeasure.orchestration.model.safetensors_header import check_safetensors

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TENSORS = {
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
}


def safetensors(header: Any = None, data_bytes: int = 32) -> bytes:
    text = json.dumps(TENSORS if header is None else header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(data_bytes)


def cached_model(home: Path, *, branch: str = "main", name: str = "models--org--name") -> Path:
    repository = home / "hub" / name
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text('{"model_type": "llama"}')
    reference = repository / "refs" / branch
    reference.parent.mkdir(parents=True, exist_ok=True)
    reference.write_text(COMMIT)
    return snapshot


def test_a_directory_is_where_its_path_says(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"hidden_size": 8}')
    assert local_directory(str(tmp_path), None, {}) == tmp_path
    assert local_config(str(tmp_path), None, {}) == {"hidden_size": 8}


def test_a_directory_without_config_has_none(tmp_path: Path) -> None:
    assert local_directory(str(tmp_path), None, {}) == tmp_path
    assert local_config(str(tmp_path), None, {}) is None


def test_a_builtin_model_lies_in_the_package() -> None:
    assert local_directory("builtin/tiny-llama", None, {}) == BUILTIN_MODELS["builtin/tiny-llama"]
    config = local_config("builtin/tiny-llama", None, {})
    assert config is not None
    assert config["model_type"] == "llama"


def test_an_unknown_builtin_model_is_an_error() -> None:
    with pytest.raises(ConfigError, match="no built-in model 'builtin/none'"):
        local_directory("builtin/none", None, {})


@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_a_cached_model_is_found_by_branch_or_commit(tmp_path: Path, revision: str | None) -> None:
    snapshot = cached_model(tmp_path)
    assert local_directory("org/name", revision, {"HF_HOME": str(tmp_path)}) == snapshot
    assert local_config("org/name", revision, {"HF_HOME": str(tmp_path)}) == {"model_type": "llama"}


def test_a_cached_branch_with_a_slash_is_found(tmp_path: Path) -> None:
    snapshot = cached_model(tmp_path, branch="refs/pr/7")
    assert local_directory("org/name", "refs/pr/7", {"HF_HOME": str(tmp_path)}) == snapshot


def test_a_model_without_organisation_is_found(tmp_path: Path) -> None:
    snapshot = cached_model(tmp_path, name="models--gpt2")
    assert local_directory("gpt2", None, {"HF_HOME": str(tmp_path)}) == snapshot


@pytest.mark.parametrize(
    ("model", "revision"),
    [
        ("org/other", None),
        ("org/name", "other"),
        ("n" * 5000, None),
        ("org/name", "n" * 5000),
    ],
)
def test_what_is_not_cached_is_not_here(tmp_path: Path, model: str, revision: str | None) -> None:
    cached_model(tmp_path)
    assert local_directory(model, revision, {"HF_HOME": str(tmp_path)}) is None
    assert local_config(model, revision, {"HF_HOME": str(tmp_path)}) is None


def test_a_revision_cannot_lead_out_of_the_cache(tmp_path: Path) -> None:
    cached_model(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "config.json").write_text("{}")
    for revision in (str(elsewhere), "../../../elsewhere"):
        assert local_directory("org/name", revision, {"HF_HOME": str(tmp_path)}) is None


def test_a_snapshot_without_config_does_not_count(tmp_path: Path) -> None:
    (cached_model(tmp_path) / "config.json").unlink()
    assert local_directory("org/name", None, {"HF_HOME": str(tmp_path)}) is None


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"HOME": "/h"}, "/h/.cache/huggingface/hub"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/x"}, "/x/huggingface/hub"),
        ({"HOME": "/h", "XDG_CACHE_HOME": "/x", "HF_HOME": "/y"}, "/y/hub"),
        ({"HOME": "/h", "HF_HOME": "~/y"}, "/h/y/hub"),
        ({"HOME": "/h", "HF_HOME": "/y", "HUGGINGFACE_HUB_CACHE": "/v"}, "/v"),
        ({"HOME": "/h", "HF_HOME": "/y", "HUGGINGFACE_HUB_CACHE": "/v", "HF_HUB_CACHE": "/z"}, "/z"),
    ],
)
def test_the_cache_is_where_the_hub_puts_it(environ: dict[str, str], place: str) -> None:
    assert hub_cache(environ) == Path(place)


@pytest.mark.parametrize("content", ["{", "[]", '"text"', "\udcff"])
def test_a_damaged_config_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError, match=r"config\.json .*; fetch or copy the model again"):
        local_config(str(tmp_path), None, {})


def test_one_whole_file_is_fine_and_holds_its_tensors(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(safetensors())
    assert check_weights(tmp_path) == ()
    assert not missing_weights(tmp_path)
    assert local_weights_bytes(tmp_path) == 32


def sharded(directory: Path, *present: str, metadata: dict[str, Any] | None = None) -> None:
    index = {"metadata": metadata or {}, "weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (directory / "model.safetensors.index.json").write_text(json.dumps(index))
    for name in present:
        (directory / name).write_bytes(safetensors())


def test_every_missing_part_of_sharded_weights_is_named(tmp_path: Path) -> None:
    sharded(tmp_path, "model-1.safetensors")
    assert check_weights(tmp_path) == (f"weight file {tmp_path / 'model-2.safetensors'} is missing",)
    assert missing_weights(tmp_path)
    assert local_weights_bytes(tmp_path) is None


def test_the_index_states_the_size_of_sharded_weights(tmp_path: Path) -> None:
    sharded(tmp_path, metadata={"total_size": 4711})
    assert local_weights_bytes(tmp_path) == 4711


def test_parts_without_a_stated_size_are_summed(tmp_path: Path) -> None:
    sharded(tmp_path, "model-1.safetensors", "model-2.safetensors")
    assert check_weights(tmp_path) == ()
    assert local_weights_bytes(tmp_path) == 64


def test_whole_weights_come_before_an_index_as_in_transformers(tmp_path: Path) -> None:
    sharded(tmp_path, metadata={"total_size": 4711})
    (tmp_path / "model.safetensors").write_bytes(safetensors())
    assert check_weights(tmp_path) == ()
    assert local_weights_bytes(tmp_path) == 32


@pytest.mark.parametrize("content", ["{", "{}", '{"weight_map": {"a": 1}}'])
def test_a_damaged_index_is_a_reason(tmp_path: Path, content: str) -> None:
    (tmp_path / "model.safetensors.index.json").write_text(content)
    (reason,) = check_weights(tmp_path)
    assert "model.safetensors.index.json" in reason
    assert local_weights_bytes(tmp_path) is None


def test_no_weights_at_all_is_a_reason(tmp_path: Path) -> None:
    assert check_weights(tmp_path) == (f"model directory {tmp_path} has no weights (such as model.safetensors)",)
    assert missing_weights(tmp_path)
    assert local_weights_bytes(tmp_path) is None


def test_weights_of_another_format_are_left_to_the_backend(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(bytes(100))
    assert check_weights(tmp_path) == ()
    assert local_weights_bytes(tmp_path) == 100


FIRST_SHIFTED = {"a": {**TENSORS["a"], "data_offsets": [1, 25]}}
LONG_HEADER = (10**9).to_bytes(8, "little") + b"{}"
CUT_HEADER = (50).to_bytes(8, "little") + b"{}"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is truncated: it has 0 bytes"),
        (safetensors(data_bytes=31), "is truncated: 31 of its 32 bytes of tensors are there"),
        (safetensors(data_bytes=0), "is truncated: 0 of its 32 bytes of tensors are there"),
        (safetensors(data_bytes=40), "is damaged: 8 bytes follow its last tensor"),
        (LONG_HEADER, "is damaged: it claims a header of 1000000000 bytes"),
        (CUT_HEADER, "is truncated: 2 of the 50 bytes of its header are there"),
        ((4).to_bytes(8, "little") + b"\xff\xfe{}", "is damaged: its header is not valid JSON"),
        (safetensors([]), "is damaged: its header is not a mapping"),
        (safetensors({"a": {"dtype": "F32"}}), "is damaged: the entry of tensor 'a' is incomplete"),
        (safetensors(FIRST_SHIFTED), "is damaged: tensor 'a' lies at bytes 1 to 25, not from 0 on"),
        (
            safetensors({"a": {"dtype": "F32", "shape": [5], "data_offsets": [0, 24]}}),
            "is damaged: tensor 'a' of 5 elements takes 24 bytes",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "is a Git LFS pointer, not the weights: run git lfs pull",
        ),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert check_safetensors(path) == f"weight file {path} {reason}"
    assert check_weights(tmp_path) == (f"weight file {path} {reason}",)
    assert local_weights_bytes(tmp_path) is None


def test_metadata_and_unknown_types_are_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    new = {"__metadata__": {"format": "pt"}, "a": {"dtype": "F4", "shape": [64], "data_offsets": [0, 32]}}
    path.write_bytes(safetensors(new))
    assert check_safetensors(path) is None


def test_a_file_that_cannot_be_read_is_a_reason(tmp_path: Path) -> None:
    reason = check_safetensors(tmp_path / "gone.safetensors")
    assert reason == f"weight file {tmp_path / 'gone.safetensors'} cannot be read: No such file or directory"
