from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.core.backends.server.client.events import Event, MalformedEvent, Usage, read_event


def read(content: Any) -> Event:
    return read_event(json.dumps(content).encode())


def choice(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, **fields}]}


def test_completions_have_text() -> None:
    assert read(choice(text=" a", finish_reason=None)) == Event(" a", in_answer=True)


def test_chat_has_a_delta() -> None:
    assert read(choice(delta={"role": "assistant", "content": " a"})).text == " a"


def test_the_first_event_of_a_chat_has_no_text() -> None:
    assert read(choice(delta={"role": "assistant", "content": ""})).text == ""
    assert read(choice(delta={"role": "assistant", "content": None})).text == ""


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "refusal"])
def test_reasoning_is_text_too(name: str) -> None:
    assert read(choice(delta={name: "so"})).text == "so"


def test_a_call_of_a_tool_is_text_too() -> None:
    assert "add" in read(choice(delta={"tool_calls": [{"function": {"arguments": "add"}}]})).text


@pytest.mark.parametrize(
    ("reason", "end"), [("stop", "stop"), ("eos_token", "stop"), ("length", "length"), ("content_filter", None)]
)
def test_a_reason_to_finish_ends_the_answer(reason: str, end: str | None) -> None:
    event = read(choice(text="", finish_reason=reason))
    assert event.finished
    assert event.end == end
    assert event.error is None


def test_an_answer_that_the_server_gave_up_is_an_error() -> None:
    assert "abort" in (read(choice(text="", finish_reason="abort")).error or "")


def test_usage_stands_alone_or_beside_text() -> None:
    counts = {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 3}}
    alone = read({"choices": [], "usage": counts})
    assert alone == Event(usage=Usage(5, 2, 3))
    beside = read({**choice(text="a"), "usage": counts})
    assert beside.in_answer
    assert beside.usage == Usage(5, 2, 3)


def test_usage_may_be_null_and_have_no_details() -> None:
    assert read({**choice(text="a"), "usage": None}).usage is None
    assert read({"usage": {"completion_tokens": 2, "prompt_tokens_details": None}}).usage == Usage(None, 2, None)


def test_llama_cpp_counts_in_its_timings() -> None:
    event = read({**choice(text="a"), "timings": {"cache_n": 1, "prompt_n": 4, "predicted_n": 7}})
    assert event.usage == Usage(None, 7, 1)


@pytest.mark.parametrize("error", [{"message": "no memory", "code": 500}, "no memory"])
def test_an_error_says_why(error: Any) -> None:
    assert read({"error": error}).error == "no memory"


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[1]", b'"a"', b"\xff", b"[" * 100_000, b'{"choices": 3}', b'{"choices": [3]}', b'{"choices": [{"text": 3}]}',
     b'{"choices": [{"delta": "a"}]}', b'{"choices": [{"text": "", "finish_reason": 3}]}', b'{"usage": 3}', b'{"timings": [1]}',
     b'{"usage": {"completion_tokens": -1}}', b'{"usage": {"completion_tokens": true}}', b'{"usage": {"completion_tokens": 1.5}}',
     b'{"usage": {"prompt_tokens_details": 3}}'],
)  # fmt: skip
def test_what_the_interface_does_not_describe_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedEvent):
        read_event(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "text", "delta", "content", "usage", "error", "finish_reason"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON | st.fixed_dictionaries({"choices": st.lists(JSON, max_size=2), "usage": JSON}))
def test_any_json_is_an_event_or_malformed(content: Any) -> None:
    try:
        event = read_event(json.dumps(content).encode())
    except MalformedEvent:
        return
    assert isinstance(event.text, str)
