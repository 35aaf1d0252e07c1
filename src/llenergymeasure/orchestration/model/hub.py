"""Checks whether files can be fetched from the Hugging Face hub. Only this module calls huggingface_hub."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module

from llenergymeasure.exceptions import Finding
from llenergymeasure.models.builtin import similar_builtin
from llenergymeasure.resilience import retry

MODEL_FILE = "config.json"
ADAPTER_FILE = "adapter_config.json"
TIMEOUT_S = 10.0
_REPO_ID = re.compile(r"^\w[\w.-]*(/\w[\w.-]*)?$")


# As `huggingface_hub` and transformers read them.
_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
_YES = frozenset(("1", "ON", "YES", "TRUE"))


def is_repository_id(name: str) -> bool:
    """Whether a name can be a repository id of the hub."""
    return _REPO_ID.match(name) is not None


def is_offline(environ: Mapping[str, str]) -> bool:
    """Whether the user has forbidden access to the hub."""
    return any(environ.get(name, "").upper() in _YES for name in _OFFLINE)


def _ask_hub(model: str, revision: str | None, file: str) -> None:
    """Fetch the file, which loading needs first; its content is checked before large files are fetched."""
    hub = import_module("huggingface_hub")
    hub.get_hf_file_metadata(hub.hf_hub_url(model, file, revision=revision), timeout=TIMEOUT_S)
    hub.hf_hub_download(model, file, revision=revision, etag_timeout=TIMEOUT_S)


def _ask_twice(call: Callable[[], None]) -> None:
    retry(call, attempts=2)


def hub_findings(
    model: str,
    revision: str | None,
    file: str = MODEL_FILE,
    section: str = "pytorch",
    ask: Callable[[str, str | None, str], None] = _ask_hub,
    again: Callable[[Callable[[], None]], None] = _ask_twice,
) -> Iterator[Finding]:
    """Findings about a model or an adapter on the hub that cannot be fetched.

    Args:
        model: repository id.
        revision: branch, tag or commit; None = main.
        file: a file that the repository must have.
        section: the section of the configuration that has the revision.
        ask: fetches the file or raises the errors of `huggingface_hub`.
        again: makes the call, and retries it after a temporary failure.
    """
    kind = "adapter" if file == ADAPTER_FILE else "model"
    try:
        again(lambda: ask(model, revision, file))
    except Exception as error:  # the hub's own errors, and those of the network below it
        yield _finding(f"{kind} '{model}'", model, revision, file, section, error)


def _meant(model: str) -> str:
    """A question about a built-in model of a similar name, which needs no hub; empty without one."""
    found = similar_builtin(model)
    return f"did you mean '{found}'? if not: " if found else ""


def _finding(what: str, model: str, revision: str | None, file: str, section: str, error: Exception) -> Finding:
    names = {kind.__name__ for kind in type(error).__mro__}
    if "GatedRepoError" in names:
        return Finding(
            f"{what} is gated and no token with access is set",
            f"accept its terms at https://huggingface.co/{model} and: export HF_TOKEN=<your token>",
        )
    if "RepositoryNotFoundError" in names:
        return Finding(
            f"{what} does not exist on the hub, or is private and no token is set",
            f"{_meant(model)}check the name, or: export HF_TOKEN=<your token>",
        )
    if "RevisionNotFoundError" in names:
        return Finding(f"{what} has no revision '{revision}'", f"set {section}.revision to an existing one")
    if "EntryNotFoundError" in names:
        return Finding(f"{what} has no {file}: it cannot be loaded", "name another one")
    return Finding(
        f"{what} is not on this machine and the hub cannot be reached ({type(error).__name__})",
        f"{_meant(model)}on a connected machine: hf download {model}; then copy the cache, or name a local directory",
    )
