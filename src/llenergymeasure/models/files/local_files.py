"""Finds the directory and the configuration of a model on this machine, without the network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llenergymeasure._json import read_json
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.models.builtin import builtin_model_path
from llenergymeasure.models.gguf import names_gguf

FETCH_AGAIN = "fetch or copy the model again"


def local_directory(
    model: str, revision: str | None, environ: Mapping[str, str], file: str = "config.json"
) -> Path | None:
    """The directory of a model's files.

    Args:
        model: built-in model, directory, or repository id, as written in a configuration.
        revision: branch, tag or commit of a repository; None = main.
        environ: environment variables, for the place of the hub's cache.
        file: a file of it that the hub's cache must have.

    Returns:
        The directory; None when the model is neither a directory nor, with at least that file, in the hub's cache.

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
    """The snapshot of a repository in the hub's cache; it may contain only the configuration."""
    repository = hub_cache(environ) / f"models--{model.replace('/', '--')}"
    wanted = revision or "main"
    if wanted.startswith("/") or ".." in wanted.split("/") or not _is_directory(repository):
        return None
    reference = repository / "refs" / wanted
    commit = reference.read_text(encoding="ascii", errors="replace").strip() if _is_file(reference) else wanted
    snapshot = repository / "snapshots" / commit
    return snapshot if _is_file(snapshot / file) else None


def hub_home(environ: Mapping[str, str]) -> Path:
    """The directory of the hub: its cache, and the token of the user. By the rules of `huggingface_hub`."""
    home = _home(environ)
    parent = environ.get("XDG_CACHE_HOME", f"{home}/.cache")
    return _expanded(environ.get("HF_HOME", f"{parent}/huggingface"), home)


def hub_cache(environ: Mapping[str, str]) -> Path:
    """The hub's cache directory, by the rules of `huggingface_hub`."""
    place = environ.get("HF_HUB_CACHE", environ.get("HUGGINGFACE_HUB_CACHE", str(hub_home(environ) / "hub")))
    return _expanded(place, _home(environ))


def _home(environ: Mapping[str, str]) -> str:
    # Unlike `Path.home`, this does not raise for a user without a home directory.
    return environ.get("HOME", os.path.expanduser("~"))  # noqa: PTH111


def _expanded(place: str, home: str) -> Path:
    return Path(place.replace("~", home, 1) if place.startswith("~") else place)


def local_config(model: str, revision: str | None, environ: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The config.json of a model, or the same values from a GGUF file; None when it is not on this machine.

    Arguments as in `local_directory`.

    Raises:
        ConfigError: there is no built-in model of this name, or its file is damaged.
    """
    if names_gguf(model):
        from llenergymeasure.models.files.gguf import config_in_gguf, gguf_header  # noqa: PLC0415 - only a GGUF file needs it

        return config_in_gguf(gguf_header(model))
    directory = local_directory(model, revision, environ)
    path = directory / "config.json" if directory else None
    return read_json_object(path) if path and path.is_file() else None


def read_json_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file of a model.

    Raises:
        ConfigError: the file cannot be read, or has another kind of value.
    """
    try:
        content = read_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as JSON ({error})", FETCH_AGAIN) from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path} is not a JSON object", FETCH_AGAIN)
    return content


# Unlike the methods of Path, these return False for a name that is too long, and do not raise.
def _is_directory(path: str | Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113
