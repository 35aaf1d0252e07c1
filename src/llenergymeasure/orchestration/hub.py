"""Whether a model that is not on this machine can be fetched: the Hugging Face hub's door."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from llenergymeasure.exceptions import Finding

TIMEOUT_S = 10.0
_REPO_ID = re.compile(r"^\w[\w.-]*(/\w[\w.-]*)?$")


def hub_findings(model: str, revision: str | None, ask: Callable[..., Any] | None = None) -> Iterator[Finding]:
    """What stands between this machine and a model on the hub.

    Args:
        model: repository id.
        revision: branch, tag or commit; None = main.
        ask: fetches the metadata of the model's config.json or raises, as `huggingface_hub` does.
    """
    if not _REPO_ID.match(model):
        yield Finding(f"model '{model}' is neither a directory here nor a repository id", "name an existing directory")
        return
    try:
        (ask or _ask_hub)(model, revision)
    except Exception as error:  # the hub's own errors, and those of the network below it
        yield _finding(model, revision, error)


def _ask_hub(model: str, revision: str | None) -> None:
    hub = import_module("huggingface_hub")
    hub.get_hf_file_metadata(hub.hf_hub_url(model, "config.json", revision=revision), timeout=TIMEOUT_S)


def _finding(model: str, revision: str | None, error: Exception) -> Finding:
    names = {kind.__name__ for kind in type(error).__mro__}
    if "GatedRepoError" in names:
        return Finding(
            f"model '{model}' is gated and no token with access is set",
            f"accept its terms at https://huggingface.co/{model} and: export HF_TOKEN=<your token>",
        )
    if "RepositoryNotFoundError" in names:
        return Finding(
            f"model '{model}' does not exist on the hub, or is private and no token is set",
            "check the name, or: export HF_TOKEN=<your token>",
        )
    if "RevisionNotFoundError" in names:
        return Finding(f"model '{model}' has no revision '{revision}'", "set pytorch.revision to an existing one")
    if "EntryNotFoundError" in names:
        return Finding(f"model '{model}' has no config.json: not a transformers model", "name another model")
    return Finding(
        f"model '{model}' is not on this machine and the hub cannot be reached ({type(error).__name__})",
        f"on a connected machine: hf download {model}; then copy the cache, or set model to a local directory",
    )
