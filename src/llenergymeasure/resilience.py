"""Trying again what can pass, and never what cannot."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_PASSING_NAMES = frozenset(
    {"ConnectTimeout", "ReadTimeout", "ConnectError", "ReadError", "RemoteProtocolError", "ChunkedEncodingError"}
)
_NEVER = (ValueError, TypeError, KeyError, FileNotFoundError, PermissionError)


def is_transient(error: BaseException) -> bool:
    """Whether the same call may work in a moment: timeouts, lost connections, busy servers."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return status in _PASSING_STATUS
    if isinstance(error, (ConnectionError, TimeoutError)):
        return True
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & _PASSING_NAMES:
        return True
    cause = error.__cause__
    return cause is not None and not isinstance(error, _NEVER) and is_transient(cause)


def retry(
    call: Callable[[], T],
    *,
    passing: Callable[[BaseException], bool] = is_transient,
    attempts: int = 4,
    first_delay_s: float = 1.0,
    factor: float = 2.0,
    max_delay_s: float = 30.0,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Call, and call again after growing pauses while the failure is one that passes.

    Args:
        call: what to do.
        passing: which failures pass.
        attempts: calls at most, at least 1.
        first_delay_s: pause after the first failure in seconds.
        factor: growth of the pause.
        max_delay_s: longest pause in seconds.
        sleep: waits.

    Raises:
        Exception: the last failure, or the first that does not pass.
    """
    delay_s = first_delay_s
    for attempt in range(1, attempts + 1):
        try:
            return call()
        except Exception as error:
            if attempt == attempts or not passing(error):
                raise
        sleep(min(delay_s, max_delay_s))
        delay_s *= factor
    raise AssertionError("unreachable")
