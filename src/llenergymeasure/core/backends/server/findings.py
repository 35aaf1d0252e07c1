"""Findings about a server before a run: what would make it fail at its start."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from llenergymeasure.config.backends.server import ELSEWHERE
from llenergymeasure.config.backends.server_checks import fits_in_header
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.server.processes.listening import is_here, tunnel_at
from llenergymeasure.core.backends.server.processes.programs import OTHER_FILES, REMOTE_STARTERS, program_of
from llenergymeasure.core.backends.server.tokens.from_file import TOKENIZER_FILE
from llenergymeasure.core.machine.process_tree import PROC
from llenergymeasure.exceptions import ConfigError, Finding
from llenergymeasure.models.builtin import builtin_model_path
from llenergymeasure.models.files.local_files import local_directory

try:
    import resource
except ImportError:  # Windows has no resource module
    resource = None  # type: ignore[assignment]

# The port of a connection is a number of 16 bits.
MOST_PORTS = 2**16 - 1
# Files that are open beside the connections, such as those of libraries and results, with a reserve.
OTHER_OPEN_FILES = 256
# A relative path with a slash. An option, a command of a shell and a placeholder are none.
_SCRIPT = re.compile(r"[^-/\s{}=][^\s{}=]*/[^\s{}=]*\.(py|sh)")


def setting_findings(
    config: ExperimentConfig,
    checkpoint: Mapping[str, Any],
    has: Callable[[str], bool],
    cuda_devices: Callable[[], int | None],
    environ: Mapping[str, str] = os.environ,
    proc: Path = PROC,
    connections: Callable[[], int] | None = None,
) -> Iterator[Finding]:
    """Findings about the section `server`; a running server is not asked anything.

    Args:
        config: the experiment.
        checkpoint: not used: only the server reads the model.
        has: whether a module is installed.
        cuda_devices: not used.
        environ: environment variables.
        proc: where Linux lists processes.
        connections: returns how many connections this program may open at the same time;
            by default as the system says.
    """
    settings = config.server_settings
    yield from _in_flight(config.traffic_settings.effective_concurrency or 0, (connections or most_connections)())
    if settings.launch is not None:
        launch = [str(part) for part in settings.launch]
        yield from _program(launch[0], environ)
        yield from _scripts(launch)
        if settings.gpus is None:
            yield from _remote(program_of(launch))
    try:
        builtin_model_path(config.model)
    except ConfigError as error:
        yield Finding(error.located, error.fix)
    if settings.api_key_env is not None:
        yield from _key(settings.api_key_env, environ)
    if settings.tokenizer is not None:
        yield from _tokenizer(settings.tokenizer, has, environ)
    if settings.url is not None and settings.effective_energy == "local":
        yield from _elsewhere(settings.url, settings.gpus is not None, proc)
    if settings.effective_energy == "none" and config.energy.backend not in ("auto", "null"):
        yield Finding(
            f"energy.backend is {config.energy.backend}, but {ELSEWHERE}",
            "remove one of them",
        )


def _key(variable: str, environ: Mapping[str, str]) -> Iterator[Finding]:
    """A key that cannot be sent; it is not shown."""
    key, named = (
        environ.get(variable, "").strip(),
        f"the environment variable {variable}, which server.api_key_env names,",
    )
    if not key:
        yield Finding(f"{named} is not set", f"export {variable}=...")
    elif not fits_in_header(key):
        fix = f"set {variable} to the key alone, on one line"
        yield Finding(f"{named} has a line break or another character that HTTP does not allow", fix)


def most_connections() -> int:
    """How many connections this program may open to one server: each is an open file, and has a port of its own."""
    if resource is None:
        return MOST_PORTS
    limit: int = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST_PORTS if limit == resource.RLIM_INFINITY else min(limit, MOST_PORTS)


def _in_flight(concurrency: int, most: int) -> Iterator[Finding]:
    """Requests in flight that could not all have a connection; a huge number of them would fill the memory before."""
    if concurrency > most:
        limit = f", or raise the limit (ulimit -n {concurrency + OTHER_OPEN_FILES})"
        yield Finding(
            f"traffic.concurrency is {concurrency}, but this program may open only {most} connections to a server",
            f"lower traffic.concurrency{limit if concurrency <= MOST_PORTS else ''}",
        )


def _program(name: str, environ: Mapping[str, str]) -> Iterator[Finding]:
    if "{" in name or shutil.which(name, path=environ.get("PATH")) is not None:
        return
    if "/" in name and Path(name).is_file():
        fix = f"chmod +x {name}; or name the program that runs it first, such as [python, {name}, ...]"
        yield Finding(f"server.launch: {name} is not executable", fix)
    else:
        problem = f"server.launch: the program {name} is not found on this machine"
        yield Finding(problem, "install it, or write its full path")


def _scripts(launch: Sequence[str]) -> Iterator[Finding]:
    """A script that a program such as python is given; without this, the run ends only when the program does."""
    if program_of(launch) in OTHER_FILES:
        return
    for part in launch[1:]:
        if _SCRIPT.fullmatch(part) and not Path(part).is_file():
            yield Finding(
                f"server.launch: the script {part} is not found from {Path.cwd()}, nor beside the configuration",
                "correct its path, or write the full one",
            )


def _remote(program: str) -> Iterator[Finding]:
    """A server that is started on another machine does not use the devices of this one."""
    if program in REMOTE_STARTERS:
        yield Finding(
            f"server.launch starts the server with {program}, probably on another machine, whose energy cannot be measured here",
            f"run this on that machine, without {program} in server.launch; or start the server yourself, and set server.url and "
            "server.energy: none; if it is on this machine, name its GPUs in server.gpus",
        )


def _tokenizer(name: str, has: Callable[[str], bool], environ: Mapping[str, str]) -> Iterator[Finding]:
    """A tokenizer that is not on this machine is found now and not after the start of a server, which may take minutes."""
    if not has("tokenizers"):
        yield Finding("server.tokenizer needs tokenizers (not installed)", "pip install tokenizers")
    directory = local_directory(name, None, environ, TOKENIZER_FILE)
    if directory is None or not (directory / TOKENIZER_FILE).is_file():
        yield Finding(
            f"server.tokenizer: {name} is not a directory with {TOKENIZER_FILE}, and not in the hub's cache",
            f"fetch it with: hf download {name} {TOKENIZER_FILE}",
        )


def _elsewhere(url: str, names_gpus: bool, proc: Path) -> Iterator[Finding]:
    """A server on another machine does not use the devices of this one, and a meter has nothing to measure there."""
    address, tunnel = urlsplit(url), tunnel_at(url, proc)
    if is_here(address.hostname or "") is False:  # an unknown name is found when the server is asked
        yield Finding(
            f"server.url is on another machine, {address.hostname}, whose energy cannot be measured here",
            "set server.energy: none, or run this on that machine",
        )
    if tunnel is not None and not names_gpus:
        yield Finding(
            f"server.url is a port that {tunnel} forwards, probably to another machine, whose energy cannot be measured here",
            "set server.energy: none; if the server is on this machine, set server.url to its own port, or name its GPUs in "
            "server.gpus",
        )
