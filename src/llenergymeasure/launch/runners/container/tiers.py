"""Whether programs run in a container of an image: it starts, sees the folder of the run, and sees the GPUs.

The first check that fails is reported. Each needs those before it.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from llenergymeasure._files import launch_prefix
from llenergymeasure._json import read_json
from llenergymeasure.core.machine.last_lines import last_lines_in, reason_in
from llenergymeasure.domain.base import Frozen
from llenergymeasure.exceptions import Finding
from llenergymeasure.launch.exchange.owner import owned
from llenergymeasure.launch.runners.completed import completed
from llenergymeasure.launch.runners.container.engine import LIMIT_S, EngineName
from llenergymeasure.launch.runners.runner import Command, Runner

# The exit codes of `run` where not the program has failed: the engine itself, or a program that is not there. With 126 the system
# has refused something: to start the program, or a limit or device of the container.
ENGINE_FAILED = 125
REFUSED = 126
NO_PROGRAM = 127


class Starts(Runner, Protocol):
    """A runner of containers."""

    def without_gpus(self, arguments: tuple[str, ...], folder: Path, environ: Mapping[str, str]) -> Command:
        """The command for a container without GPUs."""

    def gpus(self, folder: Path | None, environ: Mapping[str, str]) -> tuple[str, ...]:
        """The GPUs of a container."""


class Inside(Frozen):
    """What a container shows to its programs.

    Attributes:
        folder: whether it sees the folder of the run.
        locked: whether it sees that the folder is locked.
        written: whether it can write there.
        owned: whether the file that it wrote belongs to this user.
        gpus: number of GPUs that it sees.
        nvml: whether NVIDIA's management library can be loaded there.
    """

    folder: bool
    locked: bool
    written: bool
    owned: bool = True
    gpus: int
    nvml: bool


class NotStarted(Frozen):
    """A container that did not answer, with the exit code of the engine's program and its reason."""

    code: int
    reason: str


def no_image(name: str, engine: EngineName, reference: str) -> Finding:
    """The image is not on this machine."""
    return Finding(
        f"runner {name}: {engine} has no image {reference} on this machine",
        f"build it as docs/containers.md shows, or pull it: {engine} pull {reference}",
    )


def inside_findings(runner: Starts, engine: EngineName, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Why a container of the runner could not measure: the first check that fails."""
    gpus = runner.gpus(None, environ)
    found = look_inside(runner, environ)
    if isinstance(found, NotStarted):
        yield _not_started(runner, engine, found, bool(gpus), environ)
    elif not found.folder or not found.written or not found.owned:
        yield _without_folder(runner, found)
    elif not found.locked:
        yield Finding(
            f"runner {runner.name}: the container does not see locks of this machine, so {engine} runs it in a virtual machine",
            f"use {engine} on Linux without a virtual machine (not Docker Desktop)",
        )
    elif gpus and not (found.gpus and found.nvml):
        yield _without_gpus(runner, engine, found)


def look_inside(runner: Starts, environ: Mapping[str, str], with_gpus: bool = True) -> Inside | NotStarted:
    """What a container shows to its programs; why it shows nothing."""
    program = Path(__file__).with_name("look_inside.py").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix=launch_prefix(), ignore_cleanup_errors=True) as name, owned(Path(name)):
        start = runner.command if with_gpus else runner.without_gpus
        command = start(("-c", program, name), Path(name), environ)
        try:
            done = completed(command.arguments, command.environ, LIMIT_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            return NotStarted(code=ENGINE_FAILED, reason=str(error))
        return _seen(done, Path(name))


def _seen(done: subprocess.CompletedProcess[bytes], folder: Path) -> Inside | NotStarted:
    reason = reason_in(last_lines_in(done.stderr) or last_lines_in(done.stdout))
    try:
        found = Inside.model_validate(read_json(done.stdout.splitlines()[-1]))
    except (IndexError, ValueError):  # pydantic's ValidationError is one
        return NotStarted(code=done.returncode, reason=reason)
    written = folder / "written"
    return found.model_copy(update={"owned": not written.exists() or written.stat().st_uid == os.getuid()})


def _not_started(
    runner: Starts, engine: EngineName, found: NotStarted, with_gpus: bool, environ: Mapping[str, str]
) -> Finding:
    if found.code == NO_PROGRAM:
        return Finding(
            f"runner {runner.name}: the image has no program to run Python: {found.reason}",
            "set containers.python in the user config, such as python3 or /opt/venv/bin/python",
        )
    if with_gpus and not isinstance(look_inside(runner, environ, with_gpus=False), NotStarted):
        return _no_toolkit(runner, engine, found.reason)
    return Finding(
        f"runner {runner.name}: {engine} could not start a container (exit code {found.code}): {found.reason}",
        "correct containers.arguments in the user config; docs/containers.md, Sites, has those for a machine that refuses "
        f"network devices or limits{_or_program(found.code)}",
    )


def _or_program(code: int) -> str:
    return "; if the reason names the program, set containers.python" if code == REFUSED else ""


def _no_toolkit(runner: Runner, engine: EngineName, reason: str) -> Finding:
    setup = {
        "docker": "sudo nvidia-ctk runtime configure --runtime=docker, and sudo systemctl restart docker",
        "podman": "sudo nvidia-ctk cdi generate --device-name-strategy=uuid --device-name-strategy=index "
        "--output=/etc/cdi/nvidia.yaml",
    }[engine]
    return Finding(
        f"runner {runner.name}: {engine} starts containers, but not with GPUs: {reason}",
        f"install the NVIDIA Container Toolkit, then run: {setup}. Or set CUDA_VISIBLE_DEVICES= to measure without a GPU",
    )


def _without_folder(runner: Runner, found: Inside) -> Finding:
    what = "see" if not found.folder else "write to" if not found.written else "write as this user to"
    return Finding(
        f"runner {runner.name}: the container cannot {what} the folder of a run below {tempfile.gettempdir()}",
        "set TMPDIR to a local directory of your own; the engine must run on this machine, and not behind DOCKER_HOST or "
        "another context",
    )


def _without_gpus(runner: Runner, engine: EngineName, found: Inside) -> Finding:
    missing = "no GPU" if not found.gpus else "a GPU, but not NVML (libnvidia-ml.so.1)"
    return Finding(
        f"runner {runner.name}: {engine} gives GPUs to the container, and its programs see {missing}",
        "let the image set NVIDIA_DRIVER_CAPABILITIES=compute,utility, and repair the NVIDIA Container Toolkit until this lists "
        f"the GPUs: {engine} run --rm {'--gpus all' if engine == 'docker' else '--device nvidia.com/gpu=all'} IMAGE nvidia-smi",
    )
