"""A server that is ready to be measured, as the loader hands it to the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from llenergymeasure.core.backends.server.processes.tree import ServerProcesses
from llenergymeasure.domain.measurements import ModelInfo
from llenergymeasure.protocols import Tokenizer


class ServerTokenizer(Tokenizer, Protocol):
    """The tokenizer of the server's model, or `WholeTexts` where there is none on this machine."""

    @property
    def counts(self) -> bool:
        """Whether its ids are tokens of the model. If not, each text is one id, and only the server can count its tokens."""

    def output_lengths(self, texts: Sequence[str]) -> list[int]:
        """The number of tokens of each generated text. Nothing is added, as it is to a prompt.

        Raises:
            BackendError: its ids are not tokens of the model, or the server that tokenises does not reply.
        """

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids, for a server that takes no ids; without the special tokens that the server adds itself."""


@dataclass(frozen=True)
class LoadedServer:
    """A server that answers, and what is known about it.

    Attributes:
        url: where requests go, up to and including /v1, without a slash at the end.
        headers: headers of every request; they hold the key, and are therefore never shown.
        served_model: the name of the model in requests.
        engine: name of the server, a key of the table in `client.engines`; unknown when it was not recognised.
        tokenizer: the model's tokenizer, or `WholeTexts`.
        info: the description of the model in a result.
        architecture: content of the model's config.json; empty without one on this machine.
        processes: its processes; None when it is on another machine, or they are not found.
        processes_reason: why there are none; None when there are.
        version: its version; None when it does not report one.
        version_reason: why there is none; None when there is.
        command: how it was started; empty for a server that was running already.
        start_seconds: duration from its start until it answered; None for a server that was running already.
        why_ended: why a server that was started here has ended, with its last lines; None while it runs.
        output: the end of what a server that was started here has written; None for one that was running already.
        give_back: ends a server that was started here.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    served_model: str
    engine: str
    tokenizer: ServerTokenizer
    info: ModelInfo
    architecture: Mapping[str, Any]
    processes: ServerProcesses | None = None
    processes_reason: str | None = None
    version: str | None = None
    version_reason: str | None = None
    command: tuple[str, ...] = ()
    start_seconds: float | None = None
    why_ended: Callable[[], str | None] = lambda: None
    output: Callable[[], str | None] = lambda: None
    give_back: Callable[[], None] = lambda: None

    @property
    def was_launched(self) -> bool:
        """Whether it was started for this experiment."""
        return bool(self.command)

    def release(self) -> None:
        """End a server that was started here; one that was running already is left alone. Safe to call twice."""
        self.give_back()
