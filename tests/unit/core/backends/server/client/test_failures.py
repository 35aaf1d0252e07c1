from __future__ import annotations

import asyncio
import errno
import socket
import ssl

import pytest

from llenergymeasure.core.backends.server.client.asked import Failure
from llenergymeasure.core.backends.server.client.failures import kind_of_status, message_of_body, of_error, shown


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "refused"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "reset"),
        (socket.gaierror(-2, "Name or service not known"), "unreachable"),
        (OSError(errno.EHOSTUNREACH, "no route"), "unreachable"),
        (OSError(errno.EMFILE, "Too many open files"), "no_descriptor"),
        (ssl.SSLCertVerificationError(1, "self-signed certificate"), "unreachable"),
        (asyncio.TimeoutError("no connection within 1 s"), "timeout"),
    ],
)
def test_errors_of_connecting_have_a_kind(error: BaseException, kind: str) -> None:
    assert of_error(error, while_connecting=True)[0] == kind


def test_a_certificate_that_is_not_trusted_can_be_named() -> None:
    _, message = of_error(ssl.SSLCertVerificationError(1, "self-signed certificate"), while_connecting=True)
    assert "self-signed certificate" in message
    assert "SSL_CERT_FILE" in message


def test_any_error_of_an_open_connection_is_a_reset() -> None:
    assert of_error(OSError(errno.EHOSTUNREACH, "no route"))[0] == "reset"


def test_a_message_is_never_empty() -> None:
    assert of_error(ConnectionResetError()) == ("reset", "ConnectionResetError")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(429, "status_429"), (400, "status_4xx"), (404, "status_4xx"), (500, "status_5xx"), (503, "status_5xx"), (302, "status_other"),
     (201, "status_other"), (999, "status_other")],
)  # fmt: skip
def test_statuses_have_a_kind(status: int, kind: str) -> None:
    assert kind_of_status(status) == kind


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error": {"message": "too long", "code": 400}}', "too long"),
        (b'{"error": "too long"}', "too long"),
        (b'{"message": "too long", "object": "error"}', "too long"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b"<html>Bad Gateway</html>", "Bad Gateway"),
        (b"\xff", "\ufffd"),
        (b"", ""),
        (
            b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<hr>nginx &amp; co</html>",
            "502 Bad Gateway nginx & co",
        ),
        (b"<!DOCTYPE HTML>\n<p>Message: too busy.</p>", "Message: too busy."),
        (b"prompt has <unk> tokens", "prompt has <unk> tokens"),
        (b"[1, 2]", "[1, 2]"),
        (b'{"error": {"code": 3}}', '{"error": {"code": 3}}'),
    ],
)
def test_the_message_of_a_body_is_found(body: bytes, message: str) -> None:
    assert message_of_body(body) == message


def test_a_key_is_hidden() -> None:
    failure = shown(Failure("status_4xx", "Incorrect API key provided: topsecretkey", 401), ["topsecretkey"])
    assert failure == Failure("status_4xx", "Incorrect API key provided: ***", 401)


def test_a_message_is_one_short_line() -> None:
    message = shown(Failure("status_5xx", "a\nb " + "c" * 1000), ()).message
    assert message.startswith("a b ccc")
    assert message.endswith("...")
    assert len(message) == 300


def test_a_key_at_the_cut_is_hidden_too() -> None:
    message = shown(Failure("status_5xx", "c" * 290 + "topsecretkey"), ["topsecretkey"]).message
    assert "topsecret" not in message
