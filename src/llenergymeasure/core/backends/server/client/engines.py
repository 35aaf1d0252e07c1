"""The servers that are known: how they are recognised, and what they understand beyond the OpenAI interface.

Sources: `entrypoints/openai/*/protocol.py` of vLLM 0.32, `srt/entrypoints/openai/protocol.py` of SGLang,
`serve/openai_protocol.py` of TensorRT-LLM, `tools/server` of llama.cpp, `router/src` of TGI, `openai/openai.go` of Ollama.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

UNKNOWN = "unknown"


@dataclass(frozen=True)
class ServerKind:
    """What a server understands. What is not listed here is not sent: some servers refuse names that they do not know.

    Attributes:
        name: as in results.
        takes_ids: whether the completions interface takes a prompt as token ids.
        min_tokens: whether it can be made to generate at least a number of tokens.
        ignores_eos: the setting with which it goes on after end of sequence; None without one.
        counts_each_event: where the setting belongs with which each event has the number of tokens so far; None without one.
        cache_salt: in which interfaces a text with the request keeps the prefix cache from finding other requests' prompts.
        without_cache: settings that keep the prefix cache from being used.
        top_k: the value of top_k that means no limit; None where it does not know top_k.
        min_p: whether it knows min_p, which is then set to 0.
        repetition_penalty: its name for the repetition penalty; None without it.
    """

    name: str
    takes_ids: bool = False
    min_tokens: bool = False
    ignores_eos: str | None = None
    counts_each_event: Literal["stream_options", "timings", None] = None
    cache_salt: frozenset[str] = frozenset()
    without_cache: Mapping[str, Any] = field(default_factory=dict)
    top_k: int | None = None
    min_p: bool = False
    repetition_penalty: str | None = None


_BOTH = frozenset({"completions", "chat"})
SERVERS: Mapping[str, ServerKind] = {
    kind.name: kind
    for kind in (
        ServerKind(
            "vllm",
            takes_ids=True,
            min_tokens=True,
            ignores_eos="ignore_eos",
            counts_each_event="stream_options",
            cache_salt=_BOTH,
            top_k=0,
            min_p=True,
            repetition_penalty="repetition_penalty",
        ),
        ServerKind(
            "sglang",
            takes_ids=True,
            min_tokens=True,
            ignores_eos="ignore_eos",
            counts_each_event="stream_options",
            cache_salt=_BOTH,
            top_k=-1,
            min_p=True,
            repetition_penalty="repetition_penalty",
        ),
        ServerKind(
            "tensorrt_llm",
            takes_ids=True,
            min_tokens=True,
            ignores_eos="ignore_eos",
            counts_each_event="stream_options",
            cache_salt=frozenset({"chat"}),
            top_k=0,
            min_p=True,
            repetition_penalty="repetition_penalty",
        ),
        ServerKind(
            "llama.cpp",
            takes_ids=True,
            ignores_eos="ignore_eos",
            counts_each_event="timings",
            without_cache={"cache_prompt": False},
            top_k=0,
            min_p=True,
            repetition_penalty="repeat_penalty",
        ),
        ServerKind("tgi"),
        ServerKind("ollama"),
        ServerKind(UNKNOWN),
    )
}
# The value of `owned_by` in /v1/models. Ollama has the namespace of the model there, which is library for its own.
OWNERS: Mapping[str, str] = {
    "vllm": "vllm",
    "sglang": "sglang",
    "llamacpp": "llama.cpp",
    "tensorrt_llm": "tensorrt_llm",
    "library": "ollama",
}
# What only one of the servers answers with, by path from the root of the server and name in the JSON object.
MARKS: Mapping[str, tuple[str, str]] = {
    "/props": ("default_generation_settings", "llama.cpp"),
    "/info": ("router", "tgi"),
    "/api/version": ("version", "ollama"),
    "/get_server_info": ("disable_radix_cache", "sglang"),
}
# Asked from the root of the server, to recognise it and for its version.
PROBES: tuple[str, ...] = ("/version", *MARKS)


def recognised(
    owners: Iterable[str], headers: Mapping[str, str] | None = None, answers: Mapping[str, Any] | None = None
) -> str:
    """The name of a server, a key of `SERVERS`.

    Args:
        owners: the values of `owned_by` in its list of models.
        headers: headers of its answer with that list.
        answers: the JSON that it answered to `PROBES`, by path; without those that it does not know.
    """
    named = {name.lower(): value for name, value in (headers or {}).items()}
    if named.get("server", "").lower().startswith("llama.cpp"):
        return "llama.cpp"
    for path, (mark, name) in MARKS.items():
        answer = (answers or {}).get(path)
        if isinstance(answer, Mapping) and mark in answer:
            return name
    return next((OWNERS[owner] for owner in owners if owner in OWNERS), UNKNOWN)
