"""Reads many streams at once with NVIDIA's aiperf, and says how late it took the time of each token."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.pairs import ROOT, as_users_have_it

# aiperf loads its tokenizer from the cache of the hub alone; the built-in model of this package has one.
TOKENIZER = ROOT / "src" / "llenergymeasure" / "models" / "tiny_llama"
NAME = "llem/tiny"


def lateness(program: Path, url: str, streams: int, core: int) -> list[float]:
    """Seconds from the writing of each token to the time that aiperf took, with all its processes on one core.

    Raises:
        RuntimeError: aiperf failed.
    """
    with tempfile.TemporaryDirectory(prefix="aiperf-") as name:
        folder = Path(name)
        put_into_cache(folder / "hub")
        environ = {**as_users_have_it(os.environ), "HF_HOME": name, "HF_HUB_OFFLINE": "1"}
        environ.pop("PYTHONPATH", None)
        done = subprocess.run(
            [*pinned(core), str(program), *arguments(url, streams, folder / "out")],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"aiperf failed: {done.stdout[-800:]}")
        return list(of_tokens(folder / "out"))


def put_into_cache(hub: Path) -> None:
    """The tokenizer, as the hub's cache has it."""
    model = hub / f"models--{NAME.replace('/', '--')}"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text("revision")
    shutil.copytree(TOKENIZER, model / "snapshots" / "revision")


def pinned(core: int) -> list[str]:
    """The beginning of a command that keeps it and its children on one core, where the system can."""
    return ["taskset", "--cpu-list", str(core)] if shutil.which("taskset") else []


def arguments(url: str, streams: int, folder: Path) -> list[str]:
    """Its options: one request per stream, all at the same time, with the times of all events in a file."""
    return [
        "profile", "--model", "m", "--url", url.removesuffix("/v1"), "--endpoint-type", "completions", "--streaming",
        "--concurrency", str(streams), "--request-count", str(streams), "--use-server-token-count", "--tokenizer", NAME,
        "--synthetic-input-tokens-mean", "8", "--export-level", "raw", "--artifact-dir", str(folder), "--ui", "none",
    ]  # fmt: skip


def of_tokens(folder: Path) -> Iterator[float]:
    """The lateness of each token. The text of an event is the time of its writing, on the clock of `perf_ns`."""
    with (folder / "profile_export_raw.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            for response in json.loads(line)["responses"]:
                yield from of_response(response)


def of_response(response: dict) -> Iterator[float]:
    """Of the events that aiperf read together."""
    for packet in response["packets"]:
        if packet["name"] == "data" and packet["value"] != "[DONE]":
            for choice in json.loads(packet["value"])["choices"]:
                yield response["perf_ns"] / 1e9 - float(choice["text"])
