"""What is sent to a server and what comes back.

```
Asked -> AsksServer.ask -> Answer, with a Failure where it did not work
```

Times are in s on `time.perf_counter`, the clock of the measurement.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

FailureKind = Literal[
    "refused",  # nothing listens there
    "unreachable",  # no such host, no route to it, or a failed TLS handshake
    "reset",  # the connection was lost before the answer was complete
    "timeout",  # no complete answer in the time that a request may take
    "status_429",  # too many requests
    "status_4xx",
    "status_5xx",
    "status_other",  # neither an answer nor an error, such as a redirection
    "server_error",  # an error that the server reported inside its stream
    "no_descriptor",  # this program may open no further connection
    "malformed_http",  # bytes that are not HTTP
    "malformed_event",  # events that are not what the interface describes
    "closed_early",  # the stream ended before the server said that the answer is complete
    "no_tokens",  # a complete answer without a token
    "no_usage",  # a complete answer whose tokens neither the server nor a tokenizer counts
    "cancelled",  # ended by this program
]
CountedBy = Literal["server", "tokenizer"]
AnswerEnd = Literal["stop", "length"]


@dataclass(frozen=True)
class Asked:
    """One request, ready to send.

    Attributes:
        prompt_index: index of its prompt in the argument of `prepare`.
        body: the JSON object that is sent.
    """

    prompt_index: int
    body: bytes


@dataclass(frozen=True)
class Failure:
    """Why a request has no complete answer.

    Attributes:
        kind: what happened, for counting.
        message: what the server or the system said, without secrets.
        status: the HTTP status; None before there was one.
    """

    kind: FailureKind
    message: str
    status: int | None = None


@dataclass(frozen=True)
class Answer:
    """What came back for one request, complete or not.

    Attributes:
        prompt_index: as in `Asked`.
        due_s: when the schedule wanted it sent.
        sent_s: when the client began to send it. A connection that had to be opened was opened after this.
        event_times_s: when each event that brought tokens arrived, in order; the first is the first token.
        event_tokens: tokens up to and including each of these events, increasing. The server's own count where it reports
            one with each event; otherwise its total is shared out, evenly until `counting.counted` knows better.
        texts: the text of each of these events.
        n_events: number of events that brought text or tokens, also of those that are joined with another in the fields above.
        input_tokens: tokens of the prompt as the server counts them; None without a count.
        output_tokens: generated tokens as counted by `counted_by`, end of sequence included where the server counts it;
            None without a count.
        counted_by: who counted the output: the server, or this machine's tokenizer; None without a count.
        counts_are_reported: whether the server reported its count with each event, so that `event_tokens` is exact.
        cached_tokens: tokens of the prompt that the server had in its prefix cache; None where it does not report them.
        end: whether it ended by itself (stop) or at the most tokens (length); None where it is not reported.
        finished_s: when the answer, or the attempt, was over: at or after the last token.
        failure: why the answer is not complete; None for a complete one.
        dropped_events: number of events that could not be read.
    """

    prompt_index: int
    due_s: float
    sent_s: float
    finished_s: float
    event_times_s: tuple[float, ...] = ()
    event_tokens: tuple[int, ...] = ()
    texts: tuple[str, ...] = ()
    n_events: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    counted_by: CountedBy | None = None
    counts_are_reported: bool = False
    cached_tokens: int | None = None
    end: AnswerEnd | None = None
    failure: Failure | None = None
    dropped_events: int = 0


class AsksServer(Protocol):
    """Sends requests to one server, in one event loop. `client.Client` does it over HTTP."""

    async def ask(self, asked: Asked, due_s: float) -> Answer:
        """Send a request and return when its answer is over.

        It raises nothing for what a server or a network does: this is the answer's failure. A cancelled task gets an
        answer of the kind `cancelled`, with what had come by then.
        """

    async def close(self) -> None:
        """Close every connection. Safe to call twice."""
