"""Waits until a server answers, and finds the name under which it serves the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple

from llenergymeasure.core.backends.server.questions import NOT_YET, NoReplyError, Questions, Reply
from llenergymeasure.exceptions import BackendError
from llenergymeasure.protocols import Clock

MODELS = "/v1/models"
# vLLM, SGLang, llama.cpp, TGI and TensorRT-LLM have it, and some of them list their models before these are loaded.
HEALTH = "/health"
FIRST_WAIT_S, GROWTH, LONGEST_WAIT_S = 0.1, 1.5, 1.0
# A server that runs already may be overloaded for a moment, but not for longer.
PATIENCE_S = 5.0
# After this time the user is shown what was noticed about a server that does not answer yet. Many have answered by then.
SHOWN_AFTER_S = 5.0
OTHER_INTERFACE = (
    "this is no server with the HTTP interface of OpenAI, or it has it at another path: "
    "correct server.launch or server.url"
)
REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


@dataclass(frozen=True)
class Listed:
    """What a server answers when it is ready.

    Attributes:
        entries: its models, as in /v1/models.
        headers: the headers of this answer.
    """

    entries: tuple[Mapping[str, Any], ...]
    headers: Mapping[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the models."""
        return tuple(str(entry["id"]) for entry in self.entries)

    @property
    def owners(self) -> tuple[str, ...]:
        """Who owns them, which is the name of the server for some."""
        return tuple(str(entry.get("owned_by")) for entry in self.entries)

    def entry(self, name: str) -> Mapping[str, Any]:
        """The entry of a model; empty when it is not listed."""
        return next((entry for entry in self.entries if entry["id"] == name), {})


class NotReady(NamedTuple):
    """Why a server is not ready.

    Attributes:
        problem: what it answers, or that it does not.
        is_other: whether it answers as a server with another interface does.
    """

    problem: str
    is_other: bool = False


class Waiting:
    """Waits for a server.

    Args:
        ask: asks it.
        clock: the clock.
        limit_s: longest wait in s.
        why_ended: returns why a server that was started here has ended; None while it runs.
        advice: returns what to do when it does not answer.
        noticed: returns what was noticed that explains why it does not answer; None without that.
        show: shows this to the user while it waits, once.
    """

    def __init__(
        self,
        ask: Questions,
        clock: Clock,
        limit_s: float,
        why_ended: Callable[[], str | None],
        advice: Callable[[], str],
        noticed: Callable[[], str | None] = lambda: None,
        show: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._ask, self._clock, self._limit_s = ask, clock, limit_s
        self._why_ended, self._advice = why_ended, advice
        self._noticed, self._show = noticed, show

    def listed(self) -> Listed:
        """The models of the server, as soon as it answers.

        Raises:
            BackendError: it has ended, refuses the key, or does not answer in time.
        """
        start_s, wait_s, is_shown = self._clock.now(), FIRST_WAIT_S, False
        while True:
            found = self._asked_once()
            ended = self._why_ended()
            if ended is not None:  # what answers is another server at this port
                raise BackendError(ended)
            if isinstance(found, Listed):
                return found
            waited_s = self._clock.now() - start_s
            if waited_s + wait_s > self._limit_s:
                raise self._too_late(found)
            is_shown = is_shown or (waited_s >= SHOWN_AFTER_S and self._shown(found))
            self._clock.sleep(wait_s)
            wait_s = min(wait_s * GROWTH, LONGEST_WAIT_S)

    def _shown(self, found: NotReady) -> bool:
        """Whether something was noticed, which is then shown."""
        noticed = found.problem if found.is_other else self._noticed()
        if noticed is not None:
            self._show(noticed)
        return noticed is not None

    def _too_late(self, found: NotReady) -> BackendError:
        noticed, advice = self._noticed(), OTHER_INTERFACE if found.is_other else self._advice()
        if noticed is not None:
            advice = f"{noticed}; {advice}"
        return BackendError(f"the server at {self._ask.url}: {found.problem} after {self._limit_s:g} s; {advice}")

    def _asked_once(self) -> Listed | NotReady:
        """The models, or what the server said instead."""
        try:
            reply = self._ask.get(MODELS)
        except NoReplyError as error:
            return NotReady(f"no answer ({error})")
        if reply.status in REFUSED:
            raise BackendError(
                f"the server at {self._ask.url} refuses the request for its models (status {reply.status}); "
                f"{key_fix(self._ask.has_key)}"
            )
        entries = entries_of(reply)
        if entries is None:
            is_other = reply.status not in NOT_YET and reply.status < HTTPStatus.INTERNAL_SERVER_ERROR
            return NotReady(f"{MODELS} does not list models ({reply.shown})", is_other)
        return self._not_healthy() or Listed(entries, reply.headers)

    def _not_healthy(self) -> NotReady | None:
        """Why a server that lists its models is not ready; None when it is, or has no such check."""
        try:
            health = self._ask.get(HEALTH)
        except NoReplyError as error:
            return NotReady(f"{MODELS} lists models, but {HEALTH} has no answer ({error})")
        if health.status in NOT_YET:
            return NotReady(f"{MODELS} lists models, but {HEALTH} does not say that it is ready ({health.shown})")
        return None


def key_fix(has_key: bool) -> str:
    """What to do when a server refuses a request.

    Args:
        has_key: whether a key was sent.
    """
    if has_key:
        return "correct the key in the environment variable that server.api_key_env names"
    return "put its key into an environment variable, and name that in server.api_key_env"


def entries_of(reply: Reply) -> tuple[Mapping[str, Any], ...] | None:
    """The models in a reply; None when it is no list of models."""
    data = reply.value.get("data") if isinstance(reply.value, Mapping) else None
    if not isinstance(data, list):
        return None
    return tuple(entry for entry in data if isinstance(entry, Mapping) and isinstance(entry.get("id"), str))


def served_model(chosen: str | None, candidates: Sequence[str], listed: Listed) -> str:
    """The name of the model in requests.

    Args:
        chosen: `server.served_model`; None = not set.
        candidates: names by which the model may be listed.
        listed: the models of the server.

    Raises:
        BackendError: the server lists several models, none of them under a name of this one.
    """
    if chosen is not None:
        return chosen
    known = [name for name in candidates if name in listed.names]
    if known or len(listed.names) == 1:
        return (known or list(listed.names))[0]
    if not listed.names:
        raise BackendError("the server lists no model; load one there, or name it in server.served_model")
    raise BackendError(
        f"the server does not list {candidates[0]}, but {', '.join(listed.names)}; name one of them in server.served_model"
    )
