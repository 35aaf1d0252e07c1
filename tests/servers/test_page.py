"""The files and commands of docs/servers.md work one after another, with the server of llama.cpp and little work."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ports import free_port

SMOLLM2 = "builtin/smollm2-135m"
pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "servers.md").read_text(encoding="utf-8")
FILES = {name: text for text, name in re.findall(r"^```yaml\n(# (\w+\.yaml)\n.*?)^```", PAGE, re.MULTILINE | re.DOTALL)}
COMMANDS = [line.partition("  ")[0] for line in PAGE.splitlines() if line.startswith("llem ")]
LITTLE = {
    "n": 6,
    "max_input_tokens": 16,
    "max_output_tokens": 4,
    "min_output_tokens": 4,
    "energy": {"backend": "null"},
    "baseline": {"enabled": False},
    "warmup": {"n_warmup": 1, "thermal_floor_seconds": 0},
}


def smaller(text: str, launch: list[str], url: str | None = None) -> str:
    """A configuration with the same keys and less work, for the server of this machine."""
    found: dict[str, Any] = yaml.safe_load(text)
    found |= {"model": SMOLLM2, **LITTLE}
    server = found["server"]
    server.pop("arguments", None)
    server.update({"url": url} if "url" in server else {"launch": launch})
    if "rate" in found["traffic"]:
        found["traffic"]["rate"] = 20
    if "sweep" in found:
        found["sweep"] = {"traffic.rate": [10, 20]}
        found["execution"] = {"n_cycles": 2, "experiment_gap_seconds": 0, "cycle_gap_seconds": 0}
    return json.dumps(found)


@pytest.fixture
def place(tmp_path: Path, llama_cpp: list[str]) -> Path:
    """A folder with the files of the page and the examples that it names."""
    examples = tmp_path / "examples" / "servers"
    examples.mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "servers" / "llama_cpp.py", examples)
    for command in COMMANDS:
        for name in re.findall(r"examples/servers/(\w+\.yaml)", command):
            text = (ROOT / "examples" / "servers" / name).read_text(encoding="utf-8")
            launch = [sys.executable, "./llama_cpp.py", "--model", "{model}", "--port", "{port}", "--threads", "1"]
            (examples / name).write_text(smaller(text, launch))
    for name, text in FILES.items():
        (tmp_path / name).write_text(smaller(text, llama_cpp, "http://127.0.0.1:1/v1"))
    return tmp_path


def run(command: str, place: Path) -> str:
    environ = {**os.environ, "HF_HUB_OFFLINE": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    named = command.replace("FOLDER", next((str(path.parent) for path in place.glob("results/*/study.json")), "none"))
    words = [sys.executable, "-m", "llenergymeasure", *shlex.split(named)[1:]]
    done = subprocess.run(words, cwd=place, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def needs_a_running_server(command: str) -> bool:
    return "running.yaml" in command or "server.url=" in command


def test_the_page_has_commands_and_files():
    assert {"running.yaml", "started.yaml", "rates.yaml"} <= FILES.keys()
    assert len(COMMANDS) > 5
    assert set(re.findall(r"(?<= )\w+\.yaml", "\n".join(COMMANDS))) <= FILES.keys()


def test_the_commands_of_the_page(place):
    for command in COMMANDS:
        if not needs_a_running_server(command):
            run(command, place)
    results = [json.loads(path.read_text()) for path in place.glob("results/*/result.json")]
    assert {result["server"]["engine"] for result in results} == {"llama.cpp"}
    assert all(result["measurement_methodology"] == "windowed" for result in results)
    assert len(list(place.glob("results/*/study.json"))) == 2
    assert len(list(place.glob("results/*/report.html"))) >= 3


@contextmanager
def by_hand(command: str, place: Path) -> Iterator[int]:
    """The port of the server that a command of the page has started, instead of 8000; ended with the block."""
    port = free_port()
    words = [sys.executable, *shlex.split(command.replace("8000", str(port)))[1:]]
    with subprocess.Popen(words, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            assert any(line.startswith("serving ") for line in server.stdout), "the server has ended"
            yield port
        finally:
            server.kill()


def test_a_server_that_is_running(place, llama_cpp):
    (start,) = [line for line in PAGE.splitlines() if line.startswith("python examples/servers/")]
    with by_hand(start, place) as port:
        (place / "running.yaml").write_text(smaller(FILES["running.yaml"], llama_cpp, f"http://127.0.0.1:{port}/v1"))
        commands = [command for command in COMMANDS if needs_a_running_server(command)]
        for command in commands:
            run(command.replace("8000", str(port)), place)
    servers = [json.loads(path.read_text())["server"] for path in place.glob("results/*/result.json")]
    assert len(servers) == len(commands) == 2
    assert {(server["launched"], server["engine"]) for server in servers} == {(False, "llama.cpp")}
    assert all(server["cpu_seconds"] > 0 for server in servers)
