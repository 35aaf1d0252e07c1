"""Repeats a stored result: its configuration, and what a repeat cannot restore."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from llenergymeasure._api.report import load
from llenergymeasure._version import __version__
from llenergymeasure.config.files.yaml import Document
from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.domain.results import ExperimentResult, StudyResult
from llenergymeasure.exceptions import ConfigError

__all__ = ["Document", "Repeat", "compare_command", "repeat_of"]


class Repeat(NamedTuple):
    """What repeats a result.

    Attributes:
        document: its configuration, as if it were a file.
        notes: what may differ from the first measurement, and is not in the configuration.
    """

    document: Document
    notes: tuple[str, ...]


def repeat_of(path: Path) -> Repeat:
    """The configuration of a stored result, and what it does not determine.

    Args:
        path: the folder of a result, or its JSON file.

    Raises:
        ConfigError: it is no result, it is a study, or a program measured it with an engine of its own.
    """
    stored = load(path)
    if isinstance(stored, StudyResult):
        raise ConfigError(f"{path} is a study, not one result", "name the folder of one of its runs")
    engine = stored.model_info.backend
    if engine is not None:
        raise ConfigError(f"{path} was measured with the engine {engine} of a program", "run that program again")
    content = stored.config.model_dump(mode="json", exclude_defaults=True)
    return Repeat(Document(str(path), content, {}, {}), tuple(_notes(stored)))


def _notes(stored: ExperimentResult) -> Iterator[str]:
    config, revision = stored.config, stored.model_info.revision
    if stored.tool_version != __version__:
        yield f"llenergymeasure {stored.tool_version} measured it, and this is {__version__}"
    if stored.run_id is not None:
        yield f"it was run {stored.run_id} of a study, whose waits and cool-down are not repeated"
    if revision is not None and config.section.revision is None:
        yield (
            f"the model had the revision {revision}, and the newest is loaded now; to load the same, add "
            f"--set {config.backend}.revision={revision}"
        )
    if stored.dataset.sha256 != _hash_of_prompts(stored):
        yield f"the prompts of {stored.dataset.name} are not those of the result: their hash differs"


def _hash_of_prompts(stored: ExperimentResult) -> str | None:
    """The hash of the prompts as they are now; that of the result where they cannot be read, which is an error of the run."""
    config = stored.config
    try:
        return open_dataset(config.dataset, config.n, config.random_seed).info.sha256
    except ConfigError:
        return stored.dataset.sha256


def compare_command(first: Path, second: Path) -> str:
    """The command that compares a result with its repeat, and names what differs between their machines."""
    return f"llem compare {quote(str(first))} {quote(str(second))}"
