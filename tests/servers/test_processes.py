"""Nothing of a server that was started is left, however the run ends."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from real_servers import SMOLLM2, counted
from waiting import until

pytestmark = pytest.mark.slow

MARK = "LLEM_TEST_MARK"
# This program, the guard and the first process of vLLM, which then starts others in groups of their own.
ALONE = 3


class Run:
    """A run of the command line whose processes have a mark in their environment, which those of its server inherit."""

    def __init__(self, folder: Path, model: str, launch: list[str], *more: str) -> None:
        config = {
            "model": model, "backend": "server", "server": {"launch": launch}, "n": 8, "max_output_tokens": 16,
            "traffic": {"concurrency": 2}, "baseline": {"enabled": False}, "energy": {"backend": "null"},
            "warmup": {"n_warmup": 1, "thermal_floor_seconds": 0}, "max_input_tokens": 32,
        }  # fmt: skip
        file = folder / "experiment.yaml"
        file.write_text(json.dumps(config))
        self._mark = f"{MARK}={uuid.uuid4().hex}"
        self.results = folder / "results"
        self.log = folder / "log"
        command = [sys.executable, "-m", "llenergymeasure", "run", str(file), "--output", str(self.results), *more]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True,
                env={**os.environ, "HF_HUB_OFFLINE": "1", MARK: self._mark.partition("=")[2]},
            )  # fmt: skip

    def running(self) -> list[int]:
        """The processes with the mark that run."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    marked = self._mark.encode() in (entry / "environ").read_bytes().split(b"\0")
                    if marked and (entry / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                        found.append(int(entry.name))
        return found

    def has_begun(self) -> bool:
        """Whether the program has imported a library, before which it begins to handle interrupts."""
        return "pydantic_core" in Path(f"/proc/{self.process.pid}/maps").read_text()

    def running_itself(self, program: str) -> list[int]:
        """Those of them that run a Python program; the guard of a server has it among its arguments."""
        return [pid for pid in self.running() if _words(pid)[1:2] == [os.fsencode(program)]]

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave nothing, also when the test fails."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()

    def ends(self) -> int:
        """Its exit code, after which nothing of it runs."""
        code = self.process.wait(timeout=120)
        assert until(lambda: not self.running(), seconds=15), self.log.read_text()
        return code


def _words(pid: int) -> list[bytes]:
    """The program of a process and its arguments; none when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def test_a_run_ends_with_its_server(tmp_path, llama_cpp):
    with Run(tmp_path, SMOLLM2, llama_cpp) as run:
        assert run.ends() == 0, run.log.read_text()
        (file,) = run.results.glob("*/result.json")
        result = json.loads(file.read_text())
        assert result["server"]["engine"] == "llama.cpp"
        assert result["server"]["launched"] is True
        assert result["server"]["cpu_seconds"] > 0
        assert result["tokens"]["n_prompts"] == 8


@pytest.mark.parametrize("after_s", [0.5, 1.5, 2.5, 3.5])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_interrupted_run_leaves_nothing(tmp_path, llama_cpp, number, code, after_s):
    with Run(tmp_path, SMOLLM2, llama_cpp, "--set", "min_duration_seconds=300") as run:
        assert until(run.has_begun, seconds=60), run.log.read_text()
        time.sleep(after_s)
        run.process.send_signal(number)
        assert run.ends() == code, run.log.read_text()
        assert not list(run.results.glob("*/result.json"))


def test_a_server_that_does_not_start_is_named_with_its_last_lines(tmp_path, llama_cpp):
    with Run(tmp_path, str(tmp_path / "absent.gguf"), llama_cpp) as run:
        assert run.ends() != 0
        text = run.log.read_text()
        assert "the server ended with exit code" in text
        assert "absent.gguf" in text


def generated(port: int) -> float:
    """How many tokens a server of llama.cpp has generated; 0 while it does not answer."""
    with contextlib.suppress(OSError):
        return counted(f"http://127.0.0.1:{port}", "llamacpp:tokens_predicted_total")
    return 0.0


WARM_UP_TOKENS = 16  # one prompt, and the default of warmup.max_new_tokens
# 8 requests take 400 s.
RARELY = ("--set", "traffic.mode=constant", "--set", "traffic.rate=0.02", "--set", "traffic.concurrency=null")


def test_a_server_that_dies_ends_a_run_with_few_requests_at_once(tmp_path, llama_cpp):
    with Run(tmp_path, SMOLLM2, llama_cpp, *RARELY) as run:
        assert until(lambda: bool(run.running_itself(llama_cpp[1])), seconds=60), run.log.read_text()
        (server,) = run.running_itself(llama_cpp[1])
        words = _words(server)
        port = int(words[words.index(b"--port") + 1])
        assert until(lambda: generated(port) > WARM_UP_TOKENS, seconds=60), run.log.read_text()
        os.kill(server, signal.SIGKILL)
        begin_s = time.monotonic()
        assert run.ends() != 0
        assert time.monotonic() - begin_s < 20
        assert "the server was killed by signal 9 (SIGKILL)" in run.log.read_text()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_run_with_vllm_that_is_interrupted_leaves_nothing(tmp_path, vllm, number, code):
    with Run(tmp_path, "builtin/tiny-llama", vllm) as run:
        assert until(lambda: len(run.running()) > ALONE, seconds=120), run.log.read_text()
        time.sleep(1.0)
        run.process.send_signal(number)
        assert run.ends() == code, run.log.read_text()
