"""Relative paths in a configuration file: a file beside the configuration is used wherever the command is started."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Fields that may name a file or a directory, alone, with their section, or in an axis of several fields.
PATH_FIELDS = ("dataset", "model", "draft_model", "adapter_path", "tokenizer", "launch")
# How a text says that it is a path: any other may be the id of a model, or the name of a built-in dataset.
PREFIXES = ("./", "../")
SUFFIXES = (".jsonl", ".gguf")


def with_files_beside(value: Any, folder: Path, names_a_path: bool = False) -> Any:
    """The content of a configuration file, with the paths of what is beside it.

    A path stays as it is written where that is the same file from the working directory, so that a configuration keeps its
    hash, and where nothing is beside the configuration.

    Args:
        value: the content, or a part of it.
        folder: the folder of the configuration file.
        names_a_path: whether the part belongs to a field that may name a path.
    """
    if isinstance(value, Mapping):
        return {key: with_files_beside(each, folder, _may_name_a_path(key)) for key, each in value.items()}
    if isinstance(value, list):
        return [with_files_beside(each, folder, names_a_path) for each in value]
    return _beside(value, folder) if names_a_path and isinstance(value, str) else value


def _may_name_a_path(key: object) -> bool:
    """Whether a key is such a field: `dataset`, `lora.adapter_path`, `dataset, n`."""
    return any(name.strip().rpartition(".")[2] in PATH_FIELDS for name in str(key).split(","))


def _beside(text: str, folder: Path) -> str:
    """The path from the working directory of what is beside the configuration; else the text."""
    if not text.startswith(PREFIXES) and not text.lower().endswith(SUFFIXES):
        return text
    try:
        written, beside = Path(text), folder / text
        found = beside.exists() and not (written.exists() and written.samefile(beside))
    except (OSError, ValueError):  # not a valid path
        return text
    return str(beside) if found else text
