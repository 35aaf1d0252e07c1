from __future__ import annotations

from typing import Any

import pytest

from llenergymeasure.core.backends.server.client.engines import MARKS, OWNERS, SERVERS, UNKNOWN, ServerKind, recognised


@pytest.mark.parametrize(("owner", "name"), OWNERS.items())
def test_a_server_is_recognised_by_the_owner_of_its_models(owner: str, name: str) -> None:
    assert recognised([owner]) == name


@pytest.mark.parametrize(
    ("path", "answer", "name"),
    [
        ("/props", {"default_generation_settings": {}}, "llama.cpp"),
        ("/info", {"router": "text-generation-router", "version": "3.3.6"}, "tgi"),
        ("/api/version", {"version": "0.9.0"}, "ollama"),
        ("/get_server_info", {"disable_radix_cache": False}, "sglang"),
    ],
)
def test_a_server_is_recognised_by_what_only_it_answers(path: str, answer: Any, name: str) -> None:
    assert recognised(["me"], answers={path: answer}) == name


def test_a_server_is_recognised_by_its_header() -> None:
    assert recognised([], {"Server": "llama.cpp"}) == "llama.cpp"


@pytest.mark.parametrize(
    "answers",
    [None, {}, {"/props": None}, {"/props": []}, {"/info": {"detail": "Not Found"}}, {"/version": {"version": "1"}}],
)
def test_any_other_server_is_unknown(answers: Any) -> None:
    assert recognised(["me"], {"server": "nginx"}, answers) == UNKNOWN


def test_every_name_is_in_the_table() -> None:
    assert {*OWNERS.values(), *(name for _, name in MARKS.values()), UNKNOWN} == set(SERVERS)
    assert all(name == kind.name for name, kind in SERVERS.items())


def test_an_unknown_server_gets_nothing_beyond_the_interface() -> None:
    assert SERVERS[UNKNOWN] == ServerKind(UNKNOWN)
