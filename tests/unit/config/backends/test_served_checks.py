"""Settings that a server cannot follow are refused with both names and the fix."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llenergymeasure.config.loader import build_experiment_config

URL = {"url": "http://127.0.0.1:8000/v1"}
REFUSED = {
    "no section": (
        {"server": None},
        "backend 'server' needs a server; set server.url to its address, or server.launch",
    ),
    "a section without a server": ({"server": {"api": "chat"}}, "backend 'server' needs a server"),
    "an adapter": ({"lora": {"adapter_id": "org/a"}}, "lora is not supported by backend 'server'"),
    "beams": ({"decoder": {"decoding_strategy": "beam"}}, "'beam' is not supported by backend 'server'"),
    "a draft model of pytorch": (
        {"decoder": {"speculative_decoding": True, "draft_model": "org/d"}},
        "remove it, and start the server with its draft model",
    ),
    "a chat template of this process": (
        {"apply_chat_template": True},
        "a server applies its own chat template; set server.api: chat, and remove apply_chat_template",
    ),
    "days of requests": (
        {"n": 100, "traffic": {"mode": "constant", "rate": 0.001}},
        "100 requests at traffic.rate 0.001 take more than a day; raise the rate or lower n",
    ),
    "another backend's section": ({"vllm": {}}, "section 'vllm' belongs to another backend: backend is 'server'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_contradiction_is_refused(case):
    fields, message = REFUSED[case]
    with pytest.raises(ValidationError) as caught:
        build_experiment_config({"model": "m", "backend": "server", "server": URL, **fields})
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"energy": {"backend": None}, "server": {**URL, "energy": "none"}},
        {"server": {**URL, "api": "chat"}},
        {"traffic": {"mode": "constant", "rate": 0.01}},
        {"precision": "int4", "dataset": {"n": 100}, "passthrough_kwargs": {"min_p": 0.1, "cache_prompt": True}},
    ],
    ids=str,
)
def test_other_settings_go_together(fields):
    assert build_experiment_config({"model": "m", "backend": "server", "server": URL, **fields}).backend == "server"


@pytest.mark.parametrize(
    "name",
    [
        "prompt",
        "messages",
        "stream",
        "stream_options",
        "max_tokens",
        "seed",
        "ignore_eos",
        "model",
        "top_p",
        "url",
        "n",
    ],
)
def test_what_this_package_sends_itself_may_not_pass_through(name):
    with pytest.raises(ValidationError, match=f"passthrough_kwargs may not set '{name}': it is a declared field"):
        build_experiment_config({"model": "m", "backend": "server", "server": URL, "passthrough_kwargs": {name: 1}})
