"""Retries calls after temporary failures, such as timeouts and busy servers."""

from __future__ import annotations

import errno
import random
import socket
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_PASSING_ERRNO = frozenset({errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.EAGAIN})
# Exception classes of httpx, requests and urllib3 by name, so that none of them is imported.
_PASSING_NAMES = frozenset(
    {
        "TimeoutException", "NetworkError", "ConnectTimeout", "ReadTimeout", "ConnectError", "ReadError",
        "RemoteProtocolError", "ConnectionError", "Timeout", "ChunkedEncodingError", "ProtocolError", "IncompleteRead",
    }
)  # fmt: skip
# An invalid certificate is a permanent error, although requests reports it as a lost connection.
_LASTING_NAMES = frozenset({"SSLError", "InvalidURL", "CertificateError"})
_LASTING = (ValueError, TypeError, KeyError, FileNotFoundError, PermissionError)
# The hub's error when it is unreachable and has no local copy; also a FileNotFoundError and a ValueError.
_WRAPPERS = frozenset({"LocalEntryNotFoundError"})
_DEPTH = 10
_JITTER_SHARE = 0.25


def is_transient(error: BaseException, depth: int = _DEPTH) -> bool:
    """Whether the same call may work later: after timeouts, lost connections and busy servers.

    Args:
        error: the raised exception.
        depth: number of causes (`__cause__`) that are examined.
    """
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return status in _PASSING_STATUS
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _LASTING_NAMES:
        return False
    if names & _PASSING_NAMES or _passes_in_the_network(error):
        return True
    if isinstance(error, _LASTING) and not names & _WRAPPERS:
        return False
    return error.__cause__ is not None and depth > 0 and is_transient(error.__cause__, depth - 1)


def _passes_in_the_network(error: BaseException) -> bool:
    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_AGAIN
    if isinstance(error, (ConnectionError, TimeoutError)):
        return True
    return isinstance(error, OSError) and error.errno in _PASSING_ERRNO


def retry(
    call: Callable[[], T],
    *,
    passing: Callable[[BaseException], bool] = is_transient,
    attempts: int = 4,
    first_delay_s: float = 1.0,
    factor: float = 2.0,
    max_delay_s: float = 30.0,
    sleep: Callable[[float], None] = time.sleep,
    jitter: Callable[[], float] = random.random,
) -> T:
    """Call a function, and call it again after growing pauses while it fails temporarily.

    Args:
        call: the function.
        passing: whether an exception is a temporary failure.
        attempts: most calls; fewer than 1 counts as 1.
        first_delay_s: pause after the first failure in seconds.
        factor: growth of the pause.
        max_delay_s: longest pause in seconds.
        sleep: waits.
        jitter: returns 0 to 1; shortens each pause by up to a quarter, so that many machines do not retry at once.

    Raises:
        Exception: the last failure, or the first that is not temporary.
    """
    delay_s = first_delay_s
    for _ in range(attempts - 1):
        try:
            return call()
        except Exception as error:
            if not passing(error):
                raise
        sleep(min(delay_s, max_delay_s) * (1 - _JITTER_SHARE * jitter()))
        delay_s *= factor
    return call()
