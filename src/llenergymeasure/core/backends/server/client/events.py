"""What one event of a stream says: text, tokens so far, the end, usage, an error.

```
data: {"choices": [{"index": 0, "text": " a", "finish_reason": null}], "usage": {"prompt_tokens": 5, "completion_tokens": 1}}
data: {"choices": [{"index": 0, "delta": {"content": " a"}, "finish_reason": "stop"}]}
data: {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 0}}}
data: {"error": {"message": "out of memory", "code": 500}}
data: [DONE]
```
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llenergymeasure.core.backends.server.client.asked import AnswerEnd

DONE = b"[DONE]"
# The texts of a chat answer: the answer itself, and reasoning under the two names that servers use.
CHAT_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")
ENDS: Mapping[str, AnswerEnd] = {
    "stop": "stop",
    "length": "length",
    "eos_token": "stop",  # TGI
    "stop_sequence": "stop",  # TGI
    "tool_calls": "stop",
    "function_call": "stop",
}
# The server gave the request up.
ABORTED = frozenset({"abort", "error"})
# No answer and no prompt has more; greater numbers are refused, as negative ones.
MOST_TOKENS = 10**8


class MalformedEvent(ValueError):
    """An event that is not what the interface describes."""


@dataclass(frozen=True)
class Usage:
    """Tokens as the server counted them; None for what it does not report."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None


@dataclass(frozen=True)
class Event:
    """The content of one event.

    Attributes:
        text: new text; empty without one.
        finished: whether it says that the answer is complete.
        end: why the answer is complete; None where the reason is another one, or it is not complete.
        usage: the server's counts so far; None without them.
        error: what went wrong in the server; None without an error.
        in_answer: whether it is part of the answer: an event with usage alone is not.
    """

    text: str = ""
    finished: bool = False
    end: AnswerEnd | None = None
    usage: Usage | None = None
    error: str | None = None
    in_answer: bool = False


def read_event(data: bytes) -> Event:
    """The content of an event.

    Raises:
        MalformedEvent: it is not JSON, or not of the interface.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise MalformedEvent("not JSON") from error
    if not isinstance(content, dict):
        raise MalformedEvent("not a JSON object")
    if content.get("error") is not None:
        return Event(error=_message_of(content["error"]))
    return _event_of(content)


def _message_of(error: Any) -> str:
    message = error.get("message") if isinstance(error, dict) else error
    return str(message if message is not None else error)


def _event_of(content: Mapping[str, Any]) -> Event:
    choice = _first_choice(content)
    usage = _usage_of(content)
    if choice is None:
        return Event(usage=usage)
    reason = choice.get("finish_reason")
    if reason is not None and not isinstance(reason, str):
        raise MalformedEvent("finish_reason is not a text")
    error = f"the server ended the answer with finish_reason {reason}" if reason in ABORTED else None
    return Event(_text_of(choice), bool(reason), ENDS.get(reason or ""), usage, error, in_answer=True)


def _first_choice(content: Mapping[str, Any]) -> dict[str, Any] | None:
    choices = content.get("choices")
    if not choices:
        return None
    if not isinstance(choices, list) or not isinstance(choices[0], dict):
        raise MalformedEvent("choices is not a list of objects")
    return choices[0]


def _text_of(choice: Mapping[str, Any]) -> str:
    delta = choice.get("delta")
    if delta is None:
        return _text(choice.get("text"))
    if not isinstance(delta, dict):
        raise MalformedEvent("delta is not an object")
    calls = delta.get("tool_calls")
    return "".join(_text(delta.get(name)) for name in CHAT_TEXTS) + (json.dumps(calls) if calls else "")


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedEvent("text is not a text")
    return value


def _usage_of(content: Mapping[str, Any]) -> Usage | None:
    usage, timings = content.get("usage"), content.get("timings")
    if usage is None and timings is None:
        return None
    if not isinstance(usage or {}, dict) or not isinstance(timings or {}, dict):
        raise MalformedEvent("usage is not an object")
    of_llama_cpp = timings or {}
    counted = usage or {}
    details = counted.get("prompt_tokens_details") or {}
    if not isinstance(details, dict):
        raise MalformedEvent("prompt_tokens_details is not an object")
    return Usage(
        _count(counted.get("prompt_tokens")),
        _count(counted.get("completion_tokens", of_llama_cpp.get("predicted_n"))),
        _count(details.get("cached_tokens", of_llama_cpp.get("cache_n"))),
    )


def _count(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_TOKENS:
        raise MalformedEvent(f"{value!r:.40} is not a number of tokens")
    return value
