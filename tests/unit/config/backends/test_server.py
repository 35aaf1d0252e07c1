"""The section `server`: what it accepts, what None means, and the command that starts a server."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from llenergymeasure.config.backends.server import ServerConfig
from llenergymeasure.config.loader import build_experiment_config

URL = "http://127.0.0.1:8000/v1"
LAUNCH = ["vllm", "serve", "{model}", "--port", "{port}"]


def complaint(**section):
    with pytest.raises(ValidationError) as caught:
        ServerConfig(**section)
    return "; ".join(error["msg"] for error in caught.value.errors())


def test_nothing_needs_to_be_set():
    section = ServerConfig()
    assert (section.url, section.launch, section.gpu_count) == (None, None, None)
    assert section.command("m", 80, 42) == ()


def test_none_means_what_the_descriptions_state():
    for name in ("api", "energy", "start_timeout_seconds", "request_timeout_seconds"):
        described = ServerConfig.model_fields[name].json_schema_extra["effective_default"]
        meant = getattr(ServerConfig(), f"effective_{name}")
        assert described == (meant if isinstance(meant, str) else json.dumps(int(meant)))
        assert getattr(ServerConfig(), name) is None


def test_a_chosen_value_has_priority():
    section = ServerConfig(url=URL, api="chat", energy="none", start_timeout_seconds=5, request_timeout_seconds=7)
    assert (section.effective_api, section.effective_energy) == ("chat", "none")
    assert (section.effective_start_timeout_seconds, section.effective_request_timeout_seconds) == (5, 7)


@pytest.mark.parametrize("url", [URL, f"{URL}/", "https://gpu-7.cluster:8443/proxy/v1", "http://[::1]:8000/v1"])
def test_an_address_has_no_slash_at_its_end(url):
    assert ServerConfig(url=url).url == url.rstrip("/")


def test_the_command_has_the_values_of_its_placeholders_and_the_arguments():
    arguments = {"max-num-seqs": 64, "enforce-eager": True, "v": "x y", "seed": "{seed}", "off": False, "unset": None}
    section = ServerConfig(launch=[*LAUNCH, "--gpu-memory-utilization", 0.5], arguments=arguments)
    assert section.command("org/m", 8123, 42) == (
        "vllm", "serve", "org/m", "--port", "8123", "--gpu-memory-utilization", "0.5",
        "--max-num-seqs", "64", "--enforce-eager", "-v", "x y", "--seed", "42",
    )  # fmt: skip


def test_what_a_placeholder_stands_for_is_not_replaced_again():
    assert ServerConfig(launch=["s", "{model}:{port}"]).command("{seed}", 1, 2) == ("s", "{seed}:1")


def test_other_braces_are_left_alone():
    part = '{"level": 3, "x": {}}'
    assert ServerConfig(launch=["s", "{port}", part]).command("m", 1, 2)[-1] == part


def test_the_port_may_be_an_argument():
    section = ServerConfig(launch=["s"], arguments={"port": "{port}"})
    assert section.command("m", 1, 2) == ("s", "--port", "1")


@pytest.mark.parametrize(
    ("section", "count"),
    [({}, None), ({"gpus": [2, 0]}, 2), ({"energy": "none"}, 0), ({"energy": "local"}, None)],
)
def test_the_number_of_gpus_that_are_measured(section, count):
    config = build_experiment_config({"model": "m", "backend": "server", "server": {"url": URL, **section}})
    assert config.server_settings.gpu_count == config.gpus_wanted == count


def test_weights_of_a_server_come_from_no_seed_of_this_package():
    config = build_experiment_config({"model": "builtin/tiny-llama", "backend": "server", "server": {"url": URL}})
    assert config.seed_of_weights is None


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"url": URL, "launch": LAUNCH}, "url and launch exclude each other; keep one"),
        ({"url": URL, "arguments": {"a": 1}}, "arguments has no effect without launch; set launch, or remove it"),
        (
            {"launch": LAUNCH, "energy": "none"},
            "energy 'none' states that the server is on another machine, but launch is set",
        ),
        ({"url": URL, "energy": "none", "gpus": [0]}, "the server is on another machine, but gpus is set"),
        ({"launch": LAUNCH, "arguments": {"--max-num-seqs": 4}}, "pattern"),
        ({"launch": []}, "at least 1 item"),
        ({"launch": "vllm serve {model} --port {port}"}, "valid tuple"),
        ({"launch": [*LAUNCH, True]}, "valid string"),
        ({"launch": LAUNCH, "arguments": {"a": [1]}}, "valid"),
        ({"url": ""}, "at least 1 character"),
        ({"gpus": []}, "at least 1 item"),
        ({"gpus": [-1]}, "greater than or equal to 0"),
        ({"gpus": ["0"]}, "valid integer"),
        ({"api": "responses"}, "'completions' or 'chat'"),
        ({"energy": "remote"}, "'local' or 'none'"),
        ({"start_timeout_seconds": 0}, "greater than 0"),
        ({"request_timeout_seconds": -1}, "greater than 0"),
    ],
)
def test_what_is_wrong_is_refused(section, words):
    assert words in complaint(**section)
