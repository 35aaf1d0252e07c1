"""The requests of an experiment, made from its prompts."""

from __future__ import annotations

import json

import pytest

from fake_server import a_loaded_server
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.server.requests import Requests

IDS, OTHER = (12, 13), (14, 15, 16)


def requests(engine="vllm", **server):
    config = ExperimentConfig(
        model="m", backend="server", server={"url": "http://127.0.0.1:8000/v1", **server}, max_output_tokens=8
    )
    return Requests(config, a_loaded_server(engine=engine))


def body(made, ids=IDS, tokens=None, number=0, index=0):
    return json.loads(made.make(index, ids, tokens, number).body)


@pytest.mark.parametrize(
    ("engine", "server", "prompt"),
    [("vllm", {}, [12, 13]), ("unknown", {}, "xx xxx"), ("vllm", {"api": "chat"}, None)],
)
def test_a_prompt_is_sent_as_ids_where_the_server_takes_them_else_as_text(engine, server, prompt):
    sent = body(requests(engine, **server))
    assert sent.get("prompt") == prompt
    assert prompt is not None or sent["messages"] == [{"role": "user", "content": "xx xxx"}]


def test_a_warm_up_has_its_own_length():
    made = requests()
    assert [body(made, tokens=tokens)["max_tokens"] for tokens in (None, 2, None)] == [8, 2, 8]


def test_each_request_has_another_salt():
    made = requests()
    assert len({body(made, number=number)["cache_salt"] for number in range(3)}) == 3


def test_other_prompts_of_the_same_index_are_other_requests():
    """As after the prompts were prepared again."""
    made = requests("unknown")
    assert [body(made, ids)["prompt"] for ids in (IDS, OTHER, IDS)] == ["xx xxx", "xxxx xxxxx xxxxxx", "xx xxx"]
