"""What an experiment loads, and whether it is there: the model, a draft model, an adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.exceptions import ConfigError, Finding
from llenergymeasure.orchestration.model.hub import ADAPTER_FILE, MODEL_FILE
from llenergymeasure.orchestration.model.local_files import (
    check_weights,
    hub_snapshot,
    local_directory,
    missing_weights,
)

AskHub = Callable[[str, "str | None", str], Iterator[Finding]]


@dataclass(frozen=True)
class RequiredFiles:
    """One thing that is loaded.

    Attributes:
        name: built-in model, directory or repository id.
        file: what its directory must hold.
        revision: of a repository; None = main.
        needs_weights: whether files with weights are read.
        without_weights: what to do when it is a built-in model, which has none.
    """

    name: str
    file: str = MODEL_FILE
    revision: str | None = None
    needs_weights: bool = True
    without_weights: str = "set pytorch.load_format: dummy"


def required_by(config: ExperimentConfig) -> Iterator[RequiredFiles]:
    """Everything that an experiment loads."""
    yield RequiredFiles(config.model, revision=config.pytorch_settings.revision, needs_weights=not config.draws_weights)
    if config.decoder.draft_model is not None:
        yield RequiredFiles(config.decoder.draft_model, without_weights="name a decoder.draft_model with weights")
    if config.lora is not None:
        name = config.lora.adapter_id or config.lora.adapter_path or ""
        yield RequiredFiles(name, file=ADAPTER_FILE, needs_weights=False)


def findings_about(wanted: RequiredFiles, environ: Mapping[str, str], ask: AskHub | None) -> Iterator[Finding]:
    """What stands between this machine and something to load.

    Args:
        wanted: what is loaded.
        environ: environment variables, for the place of the hub's cache.
        ask: asks the hub for what is not here; None = do not ask.
    """
    try:
        directory = local_directory(wanted.name, wanted.revision, environ, wanted.file)
        unfinished = directory is not None and _is_unfinished(wanted, directory, environ)
    except ConfigError as error:
        yield Finding(error.located, error.cure)
        return
    if directory is None or unfinished:
        if ask is not None:
            yield from ask(wanted.name, wanted.revision, wanted.file)
    elif not (directory / wanted.file).is_file():
        yield Finding(f"directory {directory} has no {wanted.file}", f"name the directory that holds {wanted.file}")
    elif wanted.needs_weights:
        yield from _weights(wanted, directory)


def _is_unfinished(wanted: RequiredFiles, directory: Path, environ: Mapping[str, str]) -> bool:
    """Whether the hub's cache holds a part of the model only: transformers fetches the rest."""
    if not wanted.needs_weights or directory != hub_snapshot(wanted.name, wanted.revision, environ):
        return False
    return missing_weights(directory)


def _weights(wanted: RequiredFiles, directory: Path) -> Iterator[Finding]:
    if wanted.name.startswith("builtin/"):
        yield Finding(f"model '{wanted.name}' comes without weights", wanted.without_weights)
        return
    for reason in check_weights(directory):
        yield Finding(reason, "fetch or copy the model again")
