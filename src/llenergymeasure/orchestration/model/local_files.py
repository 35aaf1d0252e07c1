"""What of a model is on this machine: its directory, its configuration, its weight files. Never asks the network."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llenergymeasure._json import read_json
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.models.builtin import builtin_model_path
from llenergymeasure.orchestration.model.safetensors_header import BrokenFileError, check_safetensors, tensor_bytes

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
WEIGHT_SUFFIXES = {".safetensors", ".bin", ".gguf"}


def local_directory(
    model: str, revision: str | None, environ: Mapping[str, str], file: str = "config.json"
) -> Path | None:
    """Where the files of a model are.

    Args:
        model: built-in model, directory, or repository id, as written in a configuration.
        revision: branch, tag or commit of a repository; None = main.
        environ: environment variables, for the place of the hub's cache.
        file: what the hub's cache must hold of it.

    Returns:
        The directory; None when the model is neither here nor, with at least that file, in the hub's cache.

    Raises:
        ConfigError: there is no built-in model of this name.
    """
    builtin = builtin_model_path(model)
    if builtin is not None:
        return builtin
    return Path(model) if _is_directory(model) else hub_snapshot(model, revision, environ, file)


def hub_snapshot(
    model: str, revision: str | None, environ: Mapping[str, str], file: str = "config.json"
) -> Path | None:
    """The snapshot of a repository in the hub's cache; it may hold the configuration alone."""
    repository = hub_cache(environ) / f"models--{model.replace('/', '--')}"
    wanted = revision or "main"
    if wanted.startswith("/") or ".." in wanted.split("/") or not _is_directory(repository):
        return None
    reference = repository / "refs" / wanted
    commit = reference.read_text(encoding="ascii", errors="replace").strip() if _is_file(reference) else wanted
    snapshot = repository / "snapshots" / commit
    return snapshot if _is_file(snapshot / file) else None


def hub_cache(environ: Mapping[str, str]) -> Path:
    """The hub's cache directory, by the rules of `huggingface_hub`."""
    # Unlike `Path.home`, this leaves a user without a home directory alone.
    home = environ.get("HOME", os.path.expanduser("~"))  # noqa: PTH111
    parent = environ.get("XDG_CACHE_HOME", f"{home}/.cache")
    hugging_face = environ.get("HF_HOME", f"{parent}/huggingface")
    place = environ.get("HF_HUB_CACHE", environ.get("HUGGINGFACE_HUB_CACHE", f"{hugging_face}/hub"))
    return Path(place.replace("~", home, 1) if place.startswith("~") else place)


def local_config(model: str, revision: str | None, environ: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The config.json of a model; None when it is not on this machine. Arguments as in `local_directory`.

    Raises:
        ConfigError: there is no built-in model of this name, or its config.json is damaged.
    """
    directory = local_directory(model, revision, environ)
    path = directory / "config.json" if directory else None
    return _read_json(path) if path and path.is_file() else None


def check_weights(directory: Path) -> tuple[str, ...]:
    """What is wrong with the weight files of a model, each a sentence; empty when nothing is."""
    try:
        files = weight_files(directory)
    except ConfigError as error:
        return (error.located,)
    if not files:
        return (f"model directory {directory} has no weights (such as model.safetensors)",)
    return tuple(reason for file in files if (reason := _reason(file)))


def _reason(file: Path) -> str | None:
    if not file.is_file():
        return f"weight file {file} is missing"
    return check_safetensors(file) if file.suffix == ".safetensors" else None


def missing_weights(directory: Path) -> bool:
    """Whether a download is incomplete: no weights at all, or a file that the index names is not there.

    Raises:
        ConfigError: the index of the files is damaged.
    """
    files = weight_files(directory)
    return not files or not all(file.is_file() for file in files)


def weight_files(directory: Path) -> tuple[Path, ...]:
    """The files that the weights of a model consist of, there or not; empty without any.

    Raises:
        ConfigError: the index of the files is damaged.
    """
    first = _first(directory)
    if first is None:
        return tuple(sorted(file for file in directory.iterdir() if file.suffix in WEIGHT_SUFFIXES))
    if first.suffix == ".json":
        return tuple(sorted({directory / file for file in _weight_map(first).values()}))
    return (first,)


def local_weights_bytes(directory: Path) -> int | None:
    """Bytes of a model's weights as stored, by their index or else by the files; None when neither tells."""
    try:
        first = _first(directory)
        stated = _stated_bytes(first) if first and first.suffix == ".json" else None
        return stated or sum(_stored_bytes(file) for file in weight_files(directory)) or None
    except (ConfigError, BrokenFileError, OSError):
        return None


def _first(directory: Path) -> Path | None:
    """The file that transformers starts from: whole weights or the index of their parts; None without either."""
    names = (name for whole in WEIGHTS for name in (whole, f"{whole}.index.json"))
    return next((directory / name for name in names if (directory / name).is_file()), None)


def _stored_bytes(file: Path) -> int:
    return tensor_bytes(file) if file.suffix == ".safetensors" else file.stat().st_size


def _stated_bytes(index: Path) -> int | None:
    metadata = _read_json(index).get("metadata")
    total = metadata.get("total_size") if isinstance(metadata, dict) else None
    return int(total) if isinstance(total, (int, float)) and 0 < total < math.inf else None


def _weight_map(index: Path) -> dict[str, str]:
    content = _read_json(index).get("weight_map")
    if not isinstance(content, dict) or not all(isinstance(file, str) for file in content.values()):
        raise ConfigError(f"{index} has no weight_map of tensors to files", "fetch or copy the model again")
    return content


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as JSON ({error})", "fetch or copy the model again") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds no JSON object", "fetch or copy the model again")
    return content


# Unlike those of Path, these say False, and raise nothing, for a name that is too long.
def _is_directory(path: str | Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113
