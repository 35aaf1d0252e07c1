"""Addresses, variables and commands of a server that cannot be meant; no credential is repeated in a message."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llenergymeasure.config.backends.server_checks import check_gpus, check_launch, check_url, check_variable
from llenergymeasure.config.base import FieldError
from llenergymeasure.config.loader import build_experiment_config
from llenergymeasure.config.messages.explain import explain_validation_error


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("127.0.0.1:8000/v1", "'127.0.0.1:8000/v1' is not the http or https address of a server; for example http://"),
        ("http://host/\u00e9/v1", "percent-encoded"),
        ("ftp://host/v1", "is not the http or https address"),
        ("unix:/run/server.sock", "is not the http or https address"),
        ("http:///v1", "is not the http or https address"),
        ("http://host/v1#part", "is not the http or https address"),
        ("http://ho st/v1", "is not the http or https address"),
        ("http://host:80000/v1", "the address is not valid"),
        ("http://host:port/v1", "the address is not valid"),
        ("http://[::1/v1", "the address is not valid"),
        ("http://a..b:8000/v1", "the address is not valid"),
        ("http://host/v1/completions", "is the address of one interface of a server; leave out /completions"),
        (
            "http://host/v1/chat/completions/",
            "is the address of one interface of a server; leave out /chat/completions",
        ),
        ("http://host/v1/models", "leave out /models"),
        ("http://host/v1?version=2", "may hold no user, password or query"),
    ],
)
def test_what_is_no_address_of_a_server_is_refused_with_an_example(url, words):
    with pytest.raises(FieldError) as caught:
        check_url(url)
    assert words in str(caught.value)


SECRET, PLAIN = "sk-abcDEF123456789", "correcthorse"


@pytest.mark.parametrize(
    "section",
    [
        {"url": f"http://user:{SECRET}@host/v1"},
        {"url": f"http://{SECRET}@host/v1"},
        {"url": f"http://host/v1?api_key={SECRET}"},
        {"url": f"http://host/{SECRET}/v1"},
        {"api_key_env": SECRET},
        {"launch": ["serve", "{port}", f"--api-key={SECRET}"]},
        {"launch": ["serve", "{port}", "--api-key", SECRET]},
        {"launch": ["serve", "{port}", SECRET]},
        {"launch": ["serve", "{port}"], "arguments": {"api-key": SECRET}},
        {"launch": ["serve", "{port}"], "arguments": {"x": f"http://u:{SECRET}@h"}},
        {"launch": ["serve", "{port}", f"--api-key={SECRET}"], "gpus": "x"},
        {"launch": ["serve", "{port}", "--api-key", PLAIN]},
        {"launch": ["serve", "{port}", f"--api-key={PLAIN}"]},
        {"launch": ["serve", "{port}"], "arguments": {"api-key": PLAIN}},
        {"launch": ["env", f"SERVER_API_KEY={PLAIN}", "serve", "{port}"]},
        {"launch": ["sh", "-c", f"cd /tmp; HF_TOKEN={PLAIN} exec serve {{port}}"]},
    ],
    ids=str,
)
def test_a_credential_is_refused_and_not_repeated(section):
    with pytest.raises(ValidationError) as caught:
        build_experiment_config({"model": "m", "backend": "server", "server": section})
    texts = (str(caught.value), repr(caught.value.errors()), str(explain_validation_error(caught.value)))
    assert [text for text in texts if SECRET in text or PLAIN in text] == []


@pytest.mark.parametrize("part", ["OLLAMA_HOST=127.0.0.1:8000", "tokenizer.ggml.add_bos_token=bool:false", "PATH=/a"])
def test_a_variable_or_an_option_that_holds_no_credential_may_be_in_a_command(part):
    check_launch(("env", part, "serve", "{port}"), {})


@pytest.mark.parametrize("name", ["SERVER_API_KEY", "_KEY2", "key"])
def test_a_variable_is_named(name):
    assert check_variable(name) == name


@pytest.mark.parametrize("name", ["MY-KEY", "1KEY", "a b", "$KEY", "hf_abcdEFGH1234"])
def test_what_is_no_name_of_a_variable_is_refused_and_not_repeated(name):
    with pytest.raises(FieldError, match="this is not the name of an environment variable") as caught:
        check_variable(name)
    assert name not in str(caught.value)


def test_a_gpu_is_named_once():
    assert check_gpus((1, 0)) == (1, 0)
    with pytest.raises(FieldError, match="GPU 1 is listed twice; keep one"):
        check_gpus((1, 0, 1))


@pytest.mark.parametrize(
    ("launch", "arguments", "words"),
    [
        (("s", "{model}"), {}, '{port} is missing in launch; pass the port to the server: [..., --port, "{port}"]'),
        ((" ", "{port}"), {}, "the first part of launch, the program, is empty; write [vllm, serve"),
        (("s", "{port}", "{name}"), {}, "{name} in launch is no placeholder; valid: {model}, {port}, {seed}"),
        (("s", "{port}"), {"a": "{PORT}"}, "{PORT} in arguments is no placeholder"),
        (("s", "{port}", "--hf-token"), {}, "launch may not hold 'hf-token': it looks like a credential"),
        (("s", "{port}"), {"api-key": "x"}, "arguments may not hold 'api-key'"),
    ],
)
def test_a_command_that_cannot_be_meant_is_refused(launch, arguments, words):
    with pytest.raises(FieldError) as caught:
        check_launch(launch, arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "launch", [("s", "{port}"), ("s", "--port={port}", "--trust-remote-code"), ("s", "{port}", "--max-tokens", "5")]
)
def test_ordinary_commands_are_accepted(launch):
    check_launch(launch, {"tokenizer": "org/m", "max-num-batched-tokens": 4096})
