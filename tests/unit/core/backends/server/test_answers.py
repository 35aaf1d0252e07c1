"""A running server that does not answer, or does not serve the model, is found before the run."""

from __future__ import annotations

import socket

import pytest

from canned_server import canned_server
from llenergymeasure import ExperimentConfig
from llenergymeasure.core.backends.server.answers import answer_findings
from llenergymeasure.core.backends.server.questions import Questions, Reply
from llenergymeasure.models.builtin import builtin_model_path

NAMES = ["org/m", "org/other"]


def listing(*names):
    return 200, {"object": "list", "data": [{"id": name} for name in names]}


class Patient(Questions):
    """Waits for as long as the server of a busy machine needs."""

    def get(self, path, timeout_s):
        return super().get(path, 30 * timeout_s)


def findings(url, environ=None, questions=Patient, **section):
    config = ExperimentConfig(model="org/m", backend="server", server={"url": url, **section})
    return list(answer_findings(config, environ or {}, questions))


@pytest.mark.parametrize(
    ("names", "section"),
    [(NAMES, {}), (["another"], {}), (NAMES, {"served_model": "org/other"})],
)
def test_a_server_that_lists_the_model_or_one_only_is_ready(names, section):
    with canned_server({"/v1/models": listing(*names)}) as canned:
        assert findings(canned.url, **section) == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_is_busy_or_loads_is_waited_for_later(status):
    with canned_server({"/v1/models": (status, {"error": "loading"})}) as canned:
        assert findings(canned.url) == []


def test_a_server_is_not_asked_with_a_key_that_cannot_be_sent():
    assert findings("http://127.0.0.1:9/v1", {"MY_KEY": "first\nsecond"}, api_key_env="MY_KEY") == []


def test_the_key_is_sent_and_not_shown():
    with canned_server({"/v1/models": (401, {"error": "no"})}) as canned:
        (wrong,) = findings(canned.url, {"MY_KEY": "correcthorse"}, api_key_env="MY_KEY")
        (missing,) = findings(canned.url)
    assert canned.asked[0][2]["Authorization"] == "Bearer correcthorse"
    assert "Authorization" not in canned.asked[1][2]
    assert wrong.problem == f"the server at {canned.url} refuses the request for its models (status 401)"
    assert wrong.fix == "correct the key in the environment variable that server.api_key_env names"
    assert missing.fix == "put its key into an environment variable, and name that in server.api_key_env"


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({}, "answers the request for its models with status 404"),
        ({"/v1/models": (200, {"models": []})}, "answers the request for its models with no list of models"),
        ({"/v1/models": (200, b"<html>")}, "answers the request for its models with no list of models"),
        ({"/v1/models": (302, {})}, "answers the request for its models with status 302"),
    ],
)
def test_what_has_no_interface_of_openai_is_found(answers, words):
    with canned_server(answers) as canned:
        (finding,) = findings(canned.url)
    assert words in finding.problem
    assert finding.fix == "name a server with the HTTP interface of OpenAI in server.url"


@pytest.mark.parametrize(
    ("names", "section", "problem"),
    [
        (["a", "b"], {}, "model is 'org/m', but the server lists a, b"),
        ([], {}, "model is 'org/m', but the server lists no model"),
        ([], {"served_model": "x"}, "server.served_model is 'x', but the server lists no model"),
        (
            list("abcdefg"),
            {"served_model": "x"},
            "server.served_model is 'x', but the server lists a, b, c, d, e and 2 more",
        ),
    ],
)
def test_a_model_that_the_server_does_not_have_is_found(names, section, problem):
    with canned_server({"/v1/models": listing(*names)}) as canned:
        (finding,) = findings(canned.url, **section)
    assert finding.problem == problem
    assert finding.fix == (
        "set server.served_model to a name that the server lists" if names else "load a model in the server"
    )


def test_an_address_at_which_nothing_listens_is_found():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        (finding,) = findings(url)
    assert finding.problem == f"the server at {url} does not answer: Connection refused"
    assert "start it, or correct server.url" in finding.fix


def test_a_server_that_hangs_has_another_remedy_than_one_that_does_not_run():
    with socket.create_server(("127.0.0.1", 0)) as listener:  # it accepts, and answers nothing
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        (finding,) = findings(url, questions=Questions)
    assert finding.problem == f"the server at {url} does not answer within 2 s"
    assert finding.fix == "it hangs, or has too much to do: wait or restart it, and try again; or correct server.url"


def test_an_answer_is_waited_for_two_seconds():
    waits = []

    class Asks:
        def __init__(self, url, headers):
            pass

        def get(self, path, timeout_s):
            waits.append(timeout_s)
            return Reply(200, {}, b'{"data": [{"id": "org/m"}]}')

    config = ExperimentConfig(model="org/m", backend="server", server={"url": "http://h/v1"})
    assert list(answer_findings(config, {}, Asks)) == []
    assert waits == [2.0]


def test_a_server_that_is_started_for_the_run_is_not_asked():
    config = ExperimentConfig(model="org/m", backend="server", server={"launch": ["s", "{port}"]})
    assert list(answer_findings(config, {})) == []


def test_a_built_in_model_is_known_by_its_path():
    path = str(builtin_model_path("builtin/tiny-llama"))
    config = ExperimentConfig(model="builtin/tiny-llama", backend="server", server={"url": "http://h/v1"})
    with canned_server({"/v1/models": listing(path, "other")}) as canned:
        there = config.model_copy(update={"server": config.server.model_copy(update={"url": canned.url})})
        assert list(answer_findings(there, {}, Patient)) == []
