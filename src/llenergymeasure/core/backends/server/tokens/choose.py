"""Chooses the tokenizer of a server's model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.server.loaded import ServerTokenizer
from llenergymeasure.core.backends.server.questions import Questions
from llenergymeasure.core.backends.server.tokens.from_file import TOKENIZER_FILE, FileTokenizer, tokenizer_in
from llenergymeasure.core.backends.server.tokens.of_server import tokenizer_of_server
from llenergymeasure.core.backends.server.tokens.whole_texts import WholeTexts
from llenergymeasure.exceptions import BackendError
from llenergymeasure.models.files.local_files import local_directory
from llenergymeasure.models.gguf import names_gguf


def tokenizer_for(
    config: ExperimentConfig,
    engine: str,
    ask: Questions,
    served_model: str,
    vocab_size: int | None,
    architecture: Mapping[str, Any],
    environ: Mapping[str, str],
) -> ServerTokenizer:
    """The tokenizer that `server.tokenizer` names, else that of the model on this machine, else the server's own.

    Without any of them, prompts are sent as text, uncut.

    Args:
        config: the experiment.
        engine: name of the server.
        ask: asks the server.
        served_model: the name of the model in requests.
        vocab_size: number of token ids as the server reports it; None where it does not.
        architecture: content of the model's config.json; empty without one.
        environ: environment variables, for the place of the hub's cache.

    Raises:
        BackendError: the tokenizer that the configuration names is not on this machine, or cannot be read.
    """
    stated = architecture.get("vocab_size")
    size = stated if isinstance(stated, int) else vocab_size
    named = config.server_settings.tokenizer
    if named is not None:
        found = _on_this_machine(named, size, environ)
        if found is None:
            raise BackendError(
                f"server.tokenizer: {named} is not a directory with {TOKENIZER_FILE}, and not in the hub's cache; "
                f"fetch it with: hf download {named} {TOKENIZER_FILE}"
            )
        return found
    return (
        _on_this_machine(config.model, size, environ)
        or tokenizer_of_server(engine, ask, served_model, size)
        or WholeTexts()
    )


def _on_this_machine(model: str, size: int | None, environ: Mapping[str, str]) -> FileTokenizer | None:
    directory = None if names_gguf(model) else local_directory(model, None, environ, TOKENIZER_FILE)
    return None if directory is None else tokenizer_in(directory, size)
