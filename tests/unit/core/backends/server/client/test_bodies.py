from __future__ import annotations

import json
from typing import Any

import pytest

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.server.client.bodies import Bodies, Prepared, without_effect
from llenergymeasure.core.backends.server.client.engines import SERVERS


def config(**fields: Any) -> ExperimentConfig:
    given = {"model": "m", "backend": "server", "server": {"url": "http://127.0.0.1:1/v1"}, "max_output_tokens": 8}
    return ExperimentConfig(**{**given, **fields})


def prepared(
    server: str = "vllm", api: Any = "completions", prompt: Any = (5, 6), most: int | None = None, **fields: Any
) -> Prepared:
    return Bodies(config(**fields), SERVERS[server], api, "served").prepared(3, prompt, most)


def body(*args: Any, **fields: Any) -> dict[str, Any]:
    return json.loads(prepared(*args, **fields).body)


def test_a_completion_has_ids_or_text() -> None:
    assert body(prompt=[5, 6])["prompt"] == [5, 6]
    assert body(prompt="hello \N{SNOWMAN}")["prompt"] == "hello \N{SNOWMAN}"
    assert body()["model"] == "served"


def test_a_chat_has_one_message_of_a_user() -> None:
    assert body(api="chat", prompt="hello")["messages"] == [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize("server", SERVERS)
def test_every_server_streams_and_reports_its_counts(server: str) -> None:
    made = body(server)
    assert made["stream"] is True
    assert made["stream_options"]["include_usage"] is True
    assert made["max_tokens"] == 8


def test_counts_of_each_event_are_asked_for_where_they_exist() -> None:
    assert body("vllm")["stream_options"]["continuous_usage_stats"] is True
    assert body("llama.cpp")["timings_per_token"] is True
    assert "continuous_usage_stats" not in body("unknown")["stream_options"]


def test_constant_work_is_asked_for_where_it_is_known() -> None:
    assert {k: v for k, v in body(min_output_tokens=8).items() if k in ("min_tokens", "ignore_eos")} == {
        "min_tokens": 8,
        "ignore_eos": True,
    }
    assert body("llama.cpp", min_output_tokens=8)["ignore_eos"] is True
    assert "ignore_eos" not in body(min_output_tokens=4)
    assert not {"min_tokens", "ignore_eos"} & set(body("ollama", min_output_tokens=8))
    assert not {"min_tokens", "ignore_eos"} & set(body())


def test_a_warm_up_has_an_exact_length() -> None:
    made = body(most=4)
    assert (made["max_tokens"], made["min_tokens"], made["ignore_eos"]) == (4, 4, True)
    assert body(most=100)["max_tokens"] == 8


def test_greedy_decoding_is_temperature_0_without_the_models_own_settings() -> None:
    made = body()
    assert made["temperature"] == 0
    assert made["repetition_penalty"] == 1
    assert "seed" not in made


def test_sampling_sends_every_setting_that_is_known() -> None:
    decoder = {"decoding_strategy": "sampling", "temperature": 0.5, "top_p": 0.9, "top_k": 7, "repetition_penalty": 1.2}
    made = body(decoder=decoder, random_seed=40)
    assert {name: made[name] for name in ("temperature", "top_p", "top_k", "min_p", "repetition_penalty", "seed")} == {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 7,
        "min_p": 0,
        "repetition_penalty": 1.2,
        "seed": 43,
    }
    assert body("llama.cpp", decoder=decoder)["repeat_penalty"] == 1.2
    assert not {"top_k", "min_p", "repetition_penalty"} & set(body("unknown", decoder=decoder))
    assert body("sglang", decoder={"decoding_strategy": "sampling"})["top_k"] == -1


def test_each_request_has_a_salt_of_its_own_so_that_no_prefix_cache_answers() -> None:
    request = prepared("vllm")
    first, second = (json.loads(request.asked(number).body) for number in (1, 2))
    assert first["cache_salt"] != second["cache_salt"]
    assert {**first, "cache_salt": 0} == {**second, "cache_salt": 0}
    assert request.asked(1).prompt_index == 3


def test_no_salt_where_the_server_would_refuse_it_or_has_another_way() -> None:
    assert "cache_salt" not in json.loads(prepared("tensorrt_llm").asked(1).body)
    assert "cache_salt" in json.loads(prepared("tensorrt_llm", "chat", "a").asked(1).body)
    assert body("llama.cpp")["cache_prompt"] is False


def test_passthrough_arguments_are_part_of_the_body_and_win() -> None:
    made = prepared("llama.cpp", passthrough_kwargs={"cache_prompt": True, "mirostat": 2})
    assert json.loads(made.asked(1).body)["cache_prompt"] is True
    assert json.loads(made.asked(1).body)["mirostat"] == 2
    salted = prepared("vllm", passthrough_kwargs={"cache_salt": "mine"})
    assert json.loads(salted.asked(1).body)["cache_salt"] == "mine"


def test_settings_that_a_server_does_not_know_are_named() -> None:
    sampling = {"decoding_strategy": "sampling", "top_k": 7, "repetition_penalty": 1.2}
    everything = config(min_output_tokens=8, decoder=sampling)
    assert without_effect(everything, SERVERS["ollama"], cuts=True) == (
        "min_output_tokens",
        "decoder.top_k",
        "decoder.repetition_penalty",
    )
    assert without_effect(everything, SERVERS["vllm"], cuts=True) == ()
    assert without_effect(config(min_output_tokens=8), SERVERS["llama.cpp"], cuts=True) == ()
    assert without_effect(config(min_output_tokens=4), SERVERS["llama.cpp"], cuts=True) == ("min_output_tokens",)
    assert without_effect(config(), SERVERS["unknown"], cuts=True) == ()
