"""Questions to a server outside the window."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import pytest

from canned_server import canned_server
from llenergymeasure.core.backends.server.processes.launched import free_port
from llenergymeasure.core.backends.server.questions import NoReplyError, Questions


def test_a_path_is_asked_from_the_root_of_the_server():
    with canned_server({"/v1/models": (200, {"data": []}), "/version": (200, {"version": "1.2"})}) as server:
        ask = Questions(server.url, {"Authorization": "Bearer secret"})
        assert ask.get("/v1/models").value == {"data": []}
        assert ask.known("/version") == {"version": "1.2"}
    assert [headers["Authorization"] for _, _, headers, _ in server.asked] == ["Bearer secret"] * 2


def test_a_server_below_a_path_is_asked_there():
    with canned_server({"/llm/v1/models": (200, {"data": []})}) as server:
        ask = Questions(server.url.replace("/v1", "/llm/v1"), {})
        assert ask.get("/v1/models").status == 200


def test_json_is_sent():
    with canned_server({"/tokenize": (200, lambda sent: {"tokens": [len(sent["content"])]})}) as server:
        assert Questions(server.url, {}).post("/tokenize", {"content": "abc"}).value == {"tokens": [3]}


def test_what_a_server_does_not_know_is_none():
    with canned_server({"/props": (200, b"<html>")}) as server:
        ask = Questions(server.url, {})
        assert (ask.known("/props"), ask.known("/version")) == (None, None)


def test_without_a_server_there_is_no_reply():
    ask = Questions(f"http://127.0.0.1:{free_port()}/v1", {})
    with pytest.raises(NoReplyError, match="Connection refused"):
        ask.get("/v1/models")
    assert ask.known("/version") is None


def test_a_key_that_the_server_repeats_is_not_shown():
    with canned_server({"/v1/models": (400, b"wrong key: correcthorse")}) as server:
        reply = Questions(server.url, {"Authorization": "Bearer correcthorse"}).get("/v1/models")
    assert reply.text == "wrong key: ***"


def test_a_page_is_shown_as_its_text():
    page = b"<!DOCTYPE HTML>\n<html><head><style type='text/css'>\n:root { color: dark }</style></head><h1>Not\nfound</h1></html>"
    with canned_server({"/v1/models": (404, page)}) as server:
        assert Questions(server.url, {}).get("/v1/models").text == "Not found"


@pytest.mark.parametrize("key", ["correct\nhorse", "correcthorse\u2026"])
def test_a_key_that_http_does_not_allow_is_not_shown(key):
    with pytest.raises(NoReplyError) as caught:
        Questions("http://127.0.0.1:9/v1", {"Authorization": f"Bearer {key}"}).get("/v1/models")
    assert str(caught.value) == "the key has a character that HTTP does not allow"
    assert caught.value.__suppress_context__


def test_a_reply_that_never_ends_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_piece_by_piece, args=(listener,), daemon=True).start()
        ask = Questions(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", {})
        with pytest.raises(NoReplyError, match="did not end in time"):
            ask.get("/v1/models", timeout_s=2.0)  # within which it has sent its first bytes


def _piece_by_piece(listener):
    connection, _ = listener.accept()
    with connection, suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\n")
        while True:  # until the client has gone
            connection.sendall(b" ")
