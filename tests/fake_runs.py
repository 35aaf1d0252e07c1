"""A fork server without torch. The model of a request decides what its run does, such as `builtin/hang`."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from pathlib import Path

from a_result import a_result, a_timeseries
from llenergymeasure.domain.energy import BaselineResult
from llenergymeasure.exceptions import OutOfMemory
from llenergymeasure.launch.failure import failure_of
from llenergymeasure.launch.fork.server import main
from llenergymeasure.launch.lifeline import start_lifeline
from llenergymeasure.launch.request import KnownBaseline, Reply, Request, read_request, write_reply

IDLE = BaselineResult(power_w=40.0, method="counter", provenance="fresh", age_sec=0.0, duration_sec=30.0)


def run(folder: Path) -> int:
    """Do what the model of the request names."""
    request = read_request(folder)
    start_lifeline(folder, 0, request.owner, lambda: None)
    print("working on", request.config.model, flush=True)
    globals()[request.config.model.rpartition("/")[2]](folder, request)
    return 0


def succeed(folder: Path, request: Request) -> None:
    """Reply with a result, and with a baseline whose key is the number of those that the request brought."""
    result = a_result(timeseries=a_timeseries()).save(folder / "results")
    known = KnownBaseline(key=("fake", str(len(request.baselines))), age_s=5.0, baseline=IDLE)
    print("forked by", os.getppid())
    write_reply(folder, 0, Reply(results=(str(result.relative_to(folder)),), baselines=(known,)))


def run_out_of_memory(folder: Path, request: Request) -> None:
    known = KnownBaseline(key=("fake", "failed"), age_s=5.0, baseline=IDLE)
    write_reply(folder, 0, Reply(failure=failure_of(OutOfMemory("out of memory")), baselines=(known,)))


def be_killed(folder: Path, request: Request) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def crash(folder: Path, request: Request) -> None:
    os.kill(os.getpid(), signal.SIGABRT)


def hang(folder: Path, request: Request) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def take_long(folder: Path, request: Request) -> None:
    time.sleep(60)


if __name__ == "__main__":
    sys.exit(main(socket.socket(fileno=int(sys.argv[-2])), int(sys.argv[-1]), a_result, run))
