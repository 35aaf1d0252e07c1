"""Opens the dataset of a configuration. It needs no tokenizer and no heavy import, so the pre-flight check can use it."""

from __future__ import annotations

import difflib
import os
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from llenergymeasure.config.sections import SyntheticDatasetConfig
from llenergymeasure.datasets.jsonl import JsonlContent, read_jsonl
from llenergymeasure.datasets.prompts import ChatPrompts, PromptSet, TextPrompts
from llenergymeasure.domain.dataset import DatasetInfo
from llenergymeasure.exceptions import ConfigError


class BuiltinDataset(NamedTuple):
    """A prompt set of this package. The version changes whenever the file changes."""

    file: Path
    version: str
    note: str


BUILTIN_DATASETS = {
    "aienergyscore": BuiltinDataset(
        file=Path(__file__).with_name("builtin") / "aienergyscore.jsonl",
        version="1.0",
        note="llenergymeasure's own prompts with the lengths of a text-generation set. "
        "These are not the AI Energy Score prompts, and the numbers are not leaderboard scores.",
    ),
}


def open_dataset(dataset: str | SyntheticDatasetConfig, n: int, random_seed: int, chat: bool = False) -> PromptSet:
    """The first n prompts of a dataset.

    Args:
        dataset: name of a built-in set, path of a JSONL file (see `read_jsonl`), or parameters of a synthetic set.
        n: number of prompts, at least 1.
        random_seed: seed of the experiment; used by a synthetic set without its own seed.
        chat: put each text into the model's chat template; a synthetic set has no texts.

    Raises:
        ConfigError: there is no such dataset, it cannot be read, or it has fewer than n prompts.
    """
    if isinstance(dataset, SyntheticDatasetConfig):
        from llenergymeasure.datasets.synthetic import open_synthetic  # noqa: PLC0415 - only such a dataset needs it

        return open_synthetic(dataset, n, random_seed)
    if dataset in BUILTIN_DATASETS:
        texts = _builtin(dataset, n)
    elif _names_a_file(dataset):
        texts = _file(Path(dataset), n)
    else:
        raise _unknown(dataset)
    return ChatPrompts(texts.info, texts.texts) if chat else texts


@lru_cache(maxsize=1)  # the checks and the run both ask, and the file is part of this package
def _builtin(name: str, n: int) -> TextPrompts:
    builtin = BUILTIN_DATASETS[name]
    content = _read(builtin.file, name, n)
    info = DatasetInfo(
        name=name,
        source="builtin",
        version=builtin.version,
        sha256=content.sha256,
        n_available=content.n_available,
        n_used=n,
        note=builtin.note,
    )
    return TextPrompts(info, content.texts)


def _file(path: Path, n: int) -> TextPrompts:
    content = _read(_at_home(path), str(path), n)
    info = DatasetInfo(name=str(path), source="jsonl", sha256=content.sha256, n_available=content.n_available, n_used=n)
    return TextPrompts(info, content.texts)


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise ConfigError(f"dataset file {path}: {error}", "write the full path") from error


def _read(path: Path, name: str, n: int) -> JsonlContent:
    content = read_jsonl(path, n)
    if n > content.n_available:
        raise ConfigError(
            f"dataset {name} has {content.n_available} prompts, but n is {n}",
            f"set n to {content.n_available} or less, or use a larger dataset",
        )
    return content


def _names_a_file(dataset: str) -> bool:
    if dataset.endswith(".jsonl") or os.sep in dataset:
        return True
    try:
        return bool(dataset) and Path(dataset).exists()
    except (OSError, ValueError):  # not a valid file name
        return False


def _unknown(dataset: str) -> ConfigError:
    close = difflib.get_close_matches(dataset.lower(), BUILTIN_DATASETS, n=1, cutoff=0.5)
    meant = f", did you mean '{close[0]}'?" if close else ""
    return ConfigError(
        f"unknown dataset '{dataset}'{meant}",
        f"built in: {', '.join(sorted(BUILTIN_DATASETS))}. For your own prompts give the path of a file that ends with "
        ".jsonl",
    )
