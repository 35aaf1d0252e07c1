"""The errors of a load: what happened to its requests, in a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from llenergymeasure.core.backends.server.client.asked import Answer
from llenergymeasure.core.backends.server.traffic.request_log import RequestLog
from llenergymeasure.domain.traffic.result import OF_LOAD
from llenergymeasure.exceptions import BackendError, Unanswered

_LOOK = "look at the output of the server"
_RAISE = "raise server.request_timeout_seconds if it was still working"


def unanswered(url: str, answers: Iterable[Answer], phase: str = "", why: str | None = None) -> BackendError:
    """The error for requests of which too few were answered: `Unanswered` where the load may be the cause.

    Args:
        url: address of the server.
        answers: the requests.
        phase: what they are of, such as " of the ramp-up" or " of the warm-up"; empty for all requests of a window.
        why: why the server has ended, or its last lines; None where neither is known.
    """
    ended = list(answers)
    kinds = [answer.failure.kind for answer in ended if answer.failure is not None]
    failed = len(kinds)
    share = "all" if failed == len(ended) else f"{failed} of"
    requests = "the request" if len(ended) == 1 else f"{share} {len(ended)} requests"
    advice = f"{_RAISE}; " if "timeout" in kinds else ""
    message = f"{requests}{phase} to {url} failed: {failures(ended)}; {advice}{why or _LOOK}"
    if OF_LOAD.isdisjoint(kinds):
        return BackendError(message)
    return Unanswered(message, may_pass="timeout" not in kinds)


def dead(url: str, log: RequestLog, why: str | None, output: str | None = None) -> BackendError:
    """The error for a server that has ended, or that answers no more.

    Args:
        url: its address.
        log: what became of the requests.
        why: why it has ended, with its last lines; None where this is not known.
        output: its last lines; None where they are not known.
    """
    if log.is_full:
        return BackendError(
            f"{len(log.in_flight) + 1} requests to {url} are in flight, and this program may open no further file or connection; "
            "raise the limit (ulimit -n), or lower traffic.rate or traffic.concurrency"
        )
    failed = failures(log.failed)
    if log.is_gone and why:
        requests = f" and failed requests ({failed})" if failed else ""
        return BackendError(f"{_when(log, 'the')} from {url}{requests}, {why}")
    last = f"{_when(log, 'its')}: {failed}" if failed else _when(log, "its")
    if log.is_gone:
        return BackendError(f"the server at {url} has ended, or accepts no connections, {last}; {output or _LOOK}")
    return Unanswered(
        f"the server at {url} exceeded the time limit of a request for requests that were sent one after the other, and answered "
        f"none in between, {last}; {_RAISE}; {output or _LOOK}"
    )


def _when(log: RequestLog, whose: str) -> str:
    """How many answers came before."""
    answers = "answer" if log.answered == 1 else "answers"
    return f"after {log.answered} {answers}" if log.answered else f"before {whose} first answer"


def failures(answers: Iterable[Answer]) -> str:
    """Failed requests by kind, most frequent first, with the message of the first: `reset: 2 (connection lost)`."""
    failed = [answer.failure for answer in answers if answer.failure is not None]
    messages = {failure.kind: failure.message for failure in reversed(failed)}
    counts = Counter(failure.kind for failure in failed)
    return "; ".join(f"{kind}: {count} ({messages[kind]})" for kind, count in counts.most_common())
