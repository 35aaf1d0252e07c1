"""What a server reports about itself, besides the names of its models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llenergymeasure.config.checks.passthrough import looks_like_credential
from llenergymeasure.core.backends.server.questions import NoReplyError, Questions

# Parts of a version that name no release, no number of a build and no commit.
_NO_VERSION = frozenset({"0", "b0", "v0", "dev", "dev0", "unknown", "none", "null", "latest", "local", "dirty"})
_PARTS = re.compile(r"[a-z0-9]+")
# Settings that belong to one start of a server: addresses, ports, process ids, sockets, seeds that it drew, and times. They would
# make two equal servers look different.
_OF_ONE_START = re.compile(
    r"(^|_)(host|hostname|ip|port|ports|addr|address|url|endpoint|socket|uds|ipc_name|pid|pids|uuid|seed|timestamp|uptime|"
    r"(start|started|launch|load|boot)_(time|at))$"
)
_ADDRESS = re.compile(r"(tcp|ipc|unix|zmq|inproc)://?\S+|(localhost|[\d.]+|\[[\da-f:]+\]):\d+")
_LABELS = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_CACHE_CONFIG = "vllm:cache_config_info{"
# Settings of llama.cpp's /props that have an effect on speed or work; samplers are sent with each request.
_PROPS = ("total_slots", "model_path", "build_info")
_OF_SLOT = ("n_ctx", "speculative")


@dataclass(frozen=True)
class Report:
    """What a server reports.

    Attributes:
        settings: its settings, under its own names.
        n_parameters: number of parameters; None where it does not report it.
        vocab_size: number of token ids; None where it does not report it.
        positions: longest sequence in tokens; None where it does not report it.
        most_requests: most requests that it runs at the same time; None where it does not report it.
    """

    settings: Mapping[str, Any]
    n_parameters: int | None = None
    vocab_size: int | None = None
    positions: int | None = None
    most_requests: int | None = None


def report_of(engine: str, ask: Questions, entry: Mapping[str, Any], answers: Mapping[str, Any]) -> Report:
    """Ask a server for its settings.

    Args:
        engine: name of the server.
        ask: asks it.
        entry: its entry for the model in /v1/models.
        answers: the JSON that it answered to the probes of `client.engines`, by path.
    """
    settings = {"max_model_len": entry.get("max_model_len"), **_settings(engine, ask, answers)}
    known = {name: value for name, value in settings.items() if value is not None and not _of_one_start(name, value)}
    stated = entry.get("meta")
    meta: Mapping[str, Any] = stated if isinstance(stated, Mapping) else {}
    return Report(
        settings=known,
        n_parameters=_count(meta, "n_params"),
        vocab_size=_count(meta, "n_vocab"),
        positions=_count(known, "max_model_len") or _count(known, "n_ctx") or _count(known, "context_length"),
        most_requests=_count(known, "total_slots")
        or _count(known, "max_num_seqs")
        or _count(known, "max_running_requests"),
    )


def version_in(answers: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The version of a server, in its answers by path, or None and the reason: it reports none, or one that says nothing."""
    reported = [
        answer[name]
        for answer in answers.values()
        for name in ("version", "build_info")
        if isinstance(answer, Mapping) and isinstance(answer.get(name), str) and answer[name].strip()
    ]
    known = next((text for text in reported if _says_something(text)), None)
    if known is not None:
        return known, None
    return (
        None,
        f"the server reports {reported[0]}, which is no version" if reported else "the server reports no version",
    )


def _says_something(version: str) -> bool:
    """Whether a part of it is a number or a commit; a build without its repository has b0-unknown or 0.0.0."""
    return not all(part in _NO_VERSION for part in _PARTS.findall(version.lower()))


def _of_one_start(name: str, value: Any) -> bool:
    """Whether a setting is another one each time that a server is started."""
    named = re.sub(r"[^a-z0-9]+", "_", name.lower())
    return _OF_ONE_START.search(named) is not None or (isinstance(value, str) and _ADDRESS.fullmatch(value) is not None)


def _settings(engine: str, ask: Questions, answers: Mapping[str, Any]) -> dict[str, Any]:
    if engine == "vllm":
        return _of_vllm(ask)
    if engine == "llama.cpp":
        return _of_llama_cpp(answers.get("/props"))
    # SGLang and TGI report their arguments, of which those of one value are kept. The key of SGLang is one of them.
    found = answers.get({"sglang": "/get_server_info", "tgi": "/info"}.get(engine, ""))
    everything = found.items() if isinstance(found, Mapping) else ()
    return {
        str(name): value
        for name, value in everything
        if isinstance(value, (bool, int, float, str)) and not looks_like_credential(str(name), value)
    }


def _of_llama_cpp(props: Any) -> dict[str, Any]:
    """https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md, GET /props."""
    if not isinstance(props, Mapping):
        return {}
    slot = props.get("default_generation_settings")
    inner = slot if isinstance(slot, Mapping) else {}
    return {name: props.get(name) for name in _PROPS} | {name: inner.get(name) for name in _OF_SLOT}


def _of_vllm(ask: Questions) -> dict[str, Any]:
    """The labels of its metric about the KV cache: block size, data type, prefix caching and others."""
    try:
        reply = ask.get("/metrics")
    except NoReplyError:
        return {}
    lines = reply.body.decode("utf-8", "replace").splitlines() if reply.status == 200 else []
    found = next((line for line in lines if line.startswith(_CACHE_CONFIG)), "")
    return {name: _plain(value) for name, value in _LABELS.findall(found) if value not in ("None", "")}


def _plain(text: str) -> Any:
    """A value of a label as number or truth, where it is one."""
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _count(values: Mapping[str, Any], name: str) -> int | None:
    value = values.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
