"""Checks before a run whether a running server answers, and serves the model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus

from llenergymeasure.config.backends.server_checks import fits_in_header
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.server.questions import NOT_YET, NoReplyError, Questions, TooSlowError
from llenergymeasure.core.backends.server.ready import MODELS, REFUSED, entries_of, key_fix
from llenergymeasure.exceptions import ConfigError, Finding
from llenergymeasure.models.builtin import builtin_model_path

ANSWER_S = 2.0
NAMES_SHOWN = 5


def answer_findings(
    config: ExperimentConfig,
    environ: Mapping[str, str],
    questions: Callable[[str, Mapping[str, str]], Questions] = Questions,
) -> Iterator[Finding]:
    """Findings about the answer of a running server; one that is busy or still loads its model is waited for later.

    Args:
        config: the experiment.
        environ: environment variables, for the key.
        questions: makes what asks a server, from its address and the headers.
    """
    server = config.server_settings
    key = environ.get(server.api_key_env or "", "").strip()
    if server.url is None or not fits_in_header(key):  # such a key is a finding about the settings
        return
    ask = questions(server.url, {"Authorization": f"Bearer {key}"} if key else {})
    try:
        reply = ask.get(MODELS, ANSWER_S)
    except TooSlowError:
        fix = "it hangs, or has too much to do: wait or restart it, and try again; or correct server.url"
        yield Finding(f"the server at {server.url} does not answer within {ANSWER_S:g} s", fix)
        return
    except NoReplyError as error:
        problem = f"the server at {server.url} does not answer: {error}"
        yield Finding(problem, "start it, or correct server.url; with server.launch it is started for the run")
        return
    entries = entries_of(reply)
    if reply.status in REFUSED:
        problem = f"the server at {server.url} refuses the request for its models (status {reply.status})"
        yield Finding(problem, key_fix(bool(key)))
    elif entries is not None:
        yield from _names(config, [str(each["id"]) for each in entries])
    elif reply.status not in NOT_YET:
        answer = "no list of models" if reply.status == HTTPStatus.OK else f"status {reply.status}"
        problem = f"the server at {server.url} answers the request for its models with {answer}"
        yield Finding(problem, "name a server with the HTTP interface of OpenAI in server.url")


def _names(config: ExperimentConfig, names: Sequence[str]) -> Iterator[Finding]:
    """A finding where the server lists no model of the name that would be sent."""
    chosen = config.server_settings.served_model
    candidates = [chosen] if chosen is not None else [config.model, *_path_of(config.model)]
    if any(name in names for name in candidates) or (chosen is None and len(names) == 1):
        return
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    yield Finding(
        f"{'model' if chosen is None else 'server.served_model'} is '{candidates[0]}', but the server lists "
        f"{', '.join(names[:NAMES_SHOWN]) or 'no model'}{more}",
        "set server.served_model to a name that the server lists" if names else "load a model in the server",
    )


def _path_of(model: str) -> Iterator[str]:
    """The path of a built-in model, which is its name in a server that was started with it."""
    with suppress(ConfigError):  # another check reports an unknown one
        path = builtin_model_path(model)
        if path is not None:
            yield str(path)
