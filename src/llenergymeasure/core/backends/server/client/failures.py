"""Names what went wrong with a request. No message holds a secret."""

from __future__ import annotations

import asyncio
import errno
import html
import json
import re
import ssl
from collections.abc import Iterable

from llenergymeasure.core.backends.server.client.asked import Failure, FailureKind
from llenergymeasure.security import redact

LONGEST_MESSAGE = 300
_TRUST = "; the environment variable SSL_CERT_FILE can name a file with its certificate authority"
_PAGE = re.compile(r"<(!doctype\s+)?html", re.IGNORECASE)
_TAG = re.compile(r"<(style|script)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_RESET = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)


def of_error(error: BaseException, while_connecting: bool = False) -> tuple[FailureKind, str]:
    """The kind and the message of an exception of a connection.

    Args:
        error: the exception.
        while_connecting: whether there was no connection yet.
    """
    message = str(error) or type(error).__name__
    if isinstance(error, asyncio.TimeoutError):
        return "timeout", message
    if isinstance(error, ssl.SSLError):
        fix = _TRUST if isinstance(error, ssl.SSLCertVerificationError) else ""
        return "unreachable", f"TLS: {message}{fix}"
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return "no_descriptor", message
    if isinstance(error, ConnectionRefusedError):
        return "refused", message
    if isinstance(error, _RESET) or not while_connecting:
        return "reset", message
    return "unreachable", message


def kind_of_status(status: int) -> FailureKind:
    """The kind of an answer that is not a success."""
    if status == 429:
        return "status_429"
    if 400 <= status < 500:
        return "status_4xx"
    return "status_5xx" if 500 <= status < 600 else "status_other"


def message_of_body(body: bytes) -> str:
    """What the server says in the body of an error; of a page, such as a proxy sends, its text."""
    text = body.decode("utf-8", "replace").strip()
    if _PAGE.match(text):
        return " ".join(html.unescape(_TAG.sub(" ", text)).split())
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return text
    inner = content.get("error", content) if isinstance(content, dict) else content
    if isinstance(inner, dict):
        inner = inner.get("message") or inner.get("detail") or text
    return str(inner)


def shown(failure: Failure, secrets: Iterable[str]) -> Failure:
    """The failure as it may be shown: on one line, cut, and without secrets.

    Args:
        failure: any failure.
        secrets: values that must not be shown, such as the key.
    """
    text = redact(" ".join(failure.message.split()), secrets=secrets)
    if len(text) > LONGEST_MESSAGE:
        text = text[: LONGEST_MESSAGE - 3] + "..."
    return Failure(failure.kind, text, failure.status)
