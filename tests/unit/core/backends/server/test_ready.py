"""Waiting for a server, and the name of its model."""

from __future__ import annotations

import pytest

from llenergymeasure.core.backends.server.questions import NoReplyError, Reply
from llenergymeasure.core.backends.server.ready import Listed, Waiting, served_model
from llenergymeasure.exceptions import BackendError
from llenergymeasure.testing import FakeClock

MODELS = b'{"data": [{"id": "a", "owned_by": "vllm"}, {"id": "b"}]}'
HEALTHY = Reply(200, {}, b"")


class Asks:
    """Answers /v1/models with each of the replies in turn, and then with the last; /health likewise."""

    url = "http://h:1/v1"

    def __init__(self, *replies, health=(HEALTHY,), has_key=False):
        self.has_key = has_key
        self._replies = {"/v1/models": list(replies), "/health": list(health)}

    def get(self, path):
        left = self._replies[path]
        reply = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(reply, Exception):
            raise reply
        return reply


def waiting(*replies, limit_s=60.0, why_ended=lambda: None, health=(HEALTHY,), has_key=False, **options):
    clock = FakeClock()
    return clock, Waiting(
        Asks(*replies, health=health, has_key=has_key), clock, limit_s, why_ended, lambda: "do this", **options
    )


def test_it_waits_until_the_models_are_listed():
    refused, loading = NoReplyError("Connection refused"), Reply(503, {}, b"loading")
    clock, wait = waiting(refused, refused, loading, Reply(200, {"server": "x"}, MODELS))
    started_s = clock.now()
    listed = wait.listed()
    assert (listed.names, listed.owners, listed.headers) == (("a", "b"), ("vllm", "None"), {"server": "x"})
    assert clock.now() - started_s == pytest.approx(0.1 + 0.15 + 0.225)


def test_models_that_are_listed_before_they_are_loaded_are_waited_for():
    clock, wait = waiting(Reply(200, {}, MODELS), health=(Reply(503, {}, b""), Reply(503, {}, b""), HEALTHY))
    started_s = clock.now()
    assert wait.listed().names == ("a", "b")
    assert clock.now() > started_s


@pytest.mark.parametrize(
    ("health", "why"),
    [
        (
            Reply(503, {}, b'{"error": {"message": "Loading model"}}'),
            "does not say that it is ready (status 503: Loading model)",
        ),
        (Reply(503, {}, b""), "does not say that it is ready (status 503)"),
        (NoReplyError("timed out"), "has no answer (timed out)"),
    ],
)
def test_the_error_names_the_health_check_if_this_is_what_is_not_ready(health, why):
    _, wait = waiting(Reply(200, {}, MODELS), health=(health,), limit_s=5.0)
    with pytest.raises(BackendError) as caught:
        wait.listed()
    assert str(caught.value) == (
        f"the server at http://h:1/v1: /v1/models lists models, but /health {why} after 5 s; do this"
    )


def test_a_server_without_a_health_check_is_ready_when_it_lists_its_models():
    _, wait = waiting(Reply(200, {}, MODELS), health=(Reply(404, {}, b""),))
    assert wait.listed().names == ("a", "b")


def test_a_server_that_has_ended_is_not_waited_for():
    clock, wait = waiting(NoReplyError("Connection refused"), why_ended=lambda: "the server ended with exit code 3")
    started_s = clock.now()
    with pytest.raises(BackendError, match="exit code 3"):
        wait.listed()
    assert clock.now() == started_s


def test_another_server_at_the_port_of_one_that_has_ended_is_not_measured():
    _, wait = waiting(Reply(200, {}, MODELS), why_ended=lambda: "the server ended with exit code 98")
    with pytest.raises(BackendError, match="exit code 98"):
        wait.listed()


def test_the_error_after_the_limit_says_what_the_server_answered():
    _, wait = waiting(Reply(500, {}, b"not\nhere"), limit_s=5.0)
    with pytest.raises(BackendError, match=r"server at http://h:1/v1: .*\(status 500: not here\) after 5 s; do this"):
        wait.listed()


@pytest.mark.parametrize("reply", [Reply(404, {}, b"not here"), Reply(200, {}, b"hello")])
def test_a_server_with_another_interface_has_the_remedy_for_this_and_is_shown_while_it_is_waited_for(reply):
    shown = []
    _, wait = waiting(reply, limit_s=30.0, show=shown.append)
    with pytest.raises(BackendError) as caught:
        wait.listed()
    answer = f"/v1/models does not list models (status {reply.status}: {reply.text})"
    assert str(caught.value) == (
        f"the server at http://h:1/v1: {answer} after 30 s; this is no server with the HTTP interface of OpenAI, or it has it at "
        "another path: correct server.launch or server.url"
    )
    assert shown == [answer]


ELSEWHERE = "it listens on port 8000, but not on 1"


def test_what_was_noticed_is_shown_once_after_a_while_and_is_in_the_error():
    shown = []
    clock, wait = waiting(
        NoReplyError("Connection refused"),
        noticed=lambda: ELSEWHERE if clock.now() - 100 > 20 else None,
        show=shown.append,
    )
    with pytest.raises(BackendError, match=rf"\(Connection refused\) after 60 s; {ELSEWHERE}; do this"):
        wait.listed()
    assert shown == [ELSEWHERE]


def test_what_was_noticed_about_a_server_that_answers_soon_is_not_shown():
    refused, shown = [NoReplyError("Connection refused")] * 5, []
    _, wait = waiting(*refused, Reply(200, {}, MODELS), noticed=lambda: ELSEWHERE, show=shown.append)
    wait.listed()
    assert shown == []


@pytest.mark.parametrize(
    ("has_key", "fix"),
    [
        (False, "put its key into an environment variable, and name that in server.api_key_env"),
        (True, "correct the key in the environment variable that server.api_key_env names"),
    ],
)
def test_a_refused_request_is_an_error_at_once_with_another_remedy_for_a_wrong_key_than_for_none(has_key, fix):
    clock, wait = waiting(Reply(401, {}, b""), has_key=has_key)
    started_s = clock.now()
    with pytest.raises(BackendError) as caught:
        wait.listed()
    refusal = "the server at http://h:1/v1 refuses the request for its models (status 401)"
    assert (str(caught.value), clock.now()) == (f"{refusal}; {fix}", started_s)


@pytest.mark.parametrize(
    ("chosen", "names", "served"),
    [
        (None, ("x", "model"), "model"),
        (None, ("other",), "other"),
        (None, ("x", "/files/model"), "/files/model"),
        ("mine", ("x", "model"), "mine"),
    ],
)
def test_the_name_is_the_chosen_one_or_the_models_or_the_only_one(chosen, names, served):
    listed = Listed(tuple({"id": name} for name in names), {})
    assert served_model(chosen, ("model", "/files/model"), listed) == served


def test_several_other_models_are_named_in_the_error():
    listed = Listed(({"id": "x"}, {"id": "y"}), {})
    with pytest.raises(BackendError, match=r"does not list model, but x, y; name one of them in server\.served_model"):
        served_model(None, ("model",), listed)


def test_a_server_without_a_model_is_an_error():
    with pytest.raises(BackendError, match="lists no model"):
        served_model(None, ("model",), Listed((), {}))
