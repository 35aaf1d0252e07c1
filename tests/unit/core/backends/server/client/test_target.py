from __future__ import annotations

import pytest

from llenergymeasure.core.backends.server.client.target import Target
from llenergymeasure.exceptions import BackendError

KEY = "sk-topsecretkey1"


def lines(target: Target, body: bytes = b"{}") -> list[str]:
    return target.request(body).decode().split("\r\n")


def test_a_request_is_http() -> None:
    request = lines(Target("http://127.0.0.1:8000/v1"))
    assert request[0] == "POST /v1/completions HTTP/1.1"
    assert "Host: 127.0.0.1:8000" in request
    assert "Accept-Encoding: identity" in request
    assert request[-3:] == ["Content-Length: 2", "", "{}"]


def test_the_length_is_that_of_the_bytes() -> None:
    assert "Content-Length: 4" in lines(Target("http://a/v1"), '"\N{LATIN SMALL LETTER E WITH ACUTE}"'.encode())


def test_chat_has_its_own_path() -> None:
    assert lines(Target("http://a/v1/", api="chat"))[0] == "POST /v1/chat/completions HTTP/1.1"


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://a/v1", "a", 80),
        ("https://a/v1", "a", 443),
        ("http://[::1]:81/v1", "::1", 81),
        ("HTTP://u:p@b:82/v1", "b", 82),
    ],
)
def test_the_address_comes_from_the_url(url: str, host: str, port: int) -> None:
    target = Target(url)
    assert (target.host, target.port) == (host, port)


def test_an_address_of_version_6_stands_in_brackets() -> None:
    assert "Host: [::1]:81" in lines(Target("http://[::1]:81/v1"))


def test_credentials_of_the_url_are_not_sent_in_clear() -> None:
    assert "topsecret" not in Target("http://me:topsecret@a/v1").request(b"").decode()


def test_only_https_has_tls() -> None:
    assert Target("http://a/v1").tls is None
    assert Target("https://a/v1").tls is not None


def test_headers_are_sent_but_not_those_that_are_made_here() -> None:
    request = lines(
        Target("http://a/v1", headers={"Authorization": f"Bearer {KEY}", "content-length": "9", "Host": "b"})
    )
    assert f"Authorization: Bearer {KEY}" in request
    assert "content-length: 9" not in request
    assert "Host: b" not in request


def test_a_target_is_shown_without_its_key() -> None:
    target = Target("http://a/v1", headers={"Authorization": f"Bearer {KEY}"})
    assert KEY not in repr(target)
    assert set(target.secrets) == {KEY, f"Bearer {KEY}"}


@pytest.mark.parametrize("value", [f"{KEY}\r\nX: y", f"{KEY}\n", f"{KEY}\0", f"{KEY}\N{EURO SIGN}"])
def test_a_header_cannot_be_smuggled_in_and_the_message_hides_its_value(value: str) -> None:
    with pytest.raises(BackendError, match="Authorization") as raised:
        Target("http://a/v1", headers={"Authorization": value})
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("url", ["", "ftp://a/v1", "a/v1", "http://"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(BackendError, match="http or https"):
        Target(url)
