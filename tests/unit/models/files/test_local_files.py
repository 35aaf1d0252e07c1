"""Finding a model on this machine, and reading its configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from llenergymeasure.exceptions import ConfigError
from llenergymeasure.models.builtin import BUILTIN_MODELS
from llenergymeasure.models.files.local_files import hub_cache, local_config, local_directory

COMMIT = "0123456789abcdef0123456789abcdef01234567"


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


def test_a_builtin_model_is_in_the_package() -> None:
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
def test_a_model_that_is_not_cached_is_missing(tmp_path: Path, model: str, revision: str | None) -> None:
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
