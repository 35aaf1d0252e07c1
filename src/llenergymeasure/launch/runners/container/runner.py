"""The runner `docker:IMAGE`: a program of this package in a container of its own.

```
 docker run IMAGE . the child reads its variables, and removes their file . measures . ends . the engine removes the container
```

The container sees the folder of the run, and the models, prompts and caches that the experiment names. It runs as the user who
started it, so that the files belong to this user. Nothing is pulled: a run must not wait for a download.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.user_config import ContainerSettings
from llenergymeasure.exceptions import Finding, PreFlightError
from llenergymeasure.launch.exchange.environ_file import leave_environ, passed_variables
from llenergymeasure.launch.request import REQUEST_FILE, read_request
from llenergymeasure.launch.runners.container.engine import Engine, Image, find_engine, forget_engines, image_of
from llenergymeasure.launch.runners.container.gpus import gpu_options, gpus_shown, has_gpus
from llenergymeasure.launch.runners.container.leftovers import container_name, label_options, remove_leftovers
from llenergymeasure.launch.runners.container.mounts import (
    bind,
    cache_variables,
    make_working_directory,
    mounts_for,
)
from llenergymeasure.launch.runners.container.tiers import inside_findings, no_image
from llenergymeasure.launch.runners.question import Question, read
from llenergymeasure.launch.runners.runner import Command
from llenergymeasure.launch.runners.version import version_findings

# The folder of the run in the container.
INSIDE = "/run/llem"
# The processes of torch and vLLM exchange tensors in shared memory, of which an engine gives 64 MB unless asked for more.
SHARED_MEMORY = "8g"
# Seconds between SIGTERM and SIGKILL where the engine ends a container, as for every other child.
GRACE = "2"


@dataclass(frozen=True)
class ContainerRunner:
    """Containers of an image.

    Attributes:
        name: the runner as written.
        reference: the image as written.
        settings: how containers are run on this machine.
        devices: where Linux shows devices.
    """

    name: str
    reference: str
    settings: ContainerSettings
    devices: Path = Path("/dev")
    is_local: bool = False
    can_fork: bool = False
    watches_owner: bool = False

    def command(self, arguments: Sequence[str], folder: Path | None, environ: Mapping[str, str]) -> Command:
        """As in `Runner`. It writes the variables of the program into the folder.

        Raises:
            PreFlightError: no engine answers, the image is not there, or a path cannot be shown to a container.
        """
        engine, image = self._found(environ)
        return self._command(arguments, folder, environ, engine, image, self.gpus(folder, environ))

    def without_gpus(self, arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Command:
        """As `command`, in a container without GPUs."""
        return self._command(arguments, folder, environ, *self._found(environ), ())

    def gpus(self, folder: Path | None, environ: Mapping[str, str]) -> tuple[str, ...]:
        """The GPUs of a container for what is asked in a folder; none if the machine has none, or no experiment uses one."""
        configs = configs_in(folder)
        needs_none = bool(configs) and all(config.gpus_wanted == 0 for config in configs)
        return () if needs_none or not has_gpus(self.devices) else gpus_shown(environ)

    def image(self, environ: Mapping[str, str]) -> str | None:
        _, image = self._found(environ)
        return image.digest or image.id

    def findings(self, environ: Mapping[str, str]) -> tuple[Finding, ...]:
        try:
            engine, _ = self._found(environ)
        except PreFlightError as error:
            return error.findings
        remove_leftovers(engine)
        pull = f"{engine.name} pull {self.reference}"
        return tuple(inside_findings(self, engine.name, environ)) or tuple(
            version_findings(
                self, environ, f"use an image with this release; docs/containers.md has one to build, or: {pull}"
            )
        )

    def _found(self, environ: Mapping[str, str]) -> tuple[Engine, Image]:
        engine = self._engine(environ)
        image = image_of(engine, self.reference)
        if image is None:
            forget_engines()  # it may have been stopped since it answered
            raise PreFlightError([no_image(self.name, self._engine(environ).name, self.reference)])
        return engine, image

    def _engine(self, environ: Mapping[str, str]) -> Engine:
        found = find_engine(self.settings.engine, environ)
        if isinstance(found, Finding):
            raise PreFlightError([found])
        return found

    def _command(
        self,
        arguments: Sequence[str],
        folder: Path | None,
        environ: Mapping[str, str],
        engine: Engine,
        image: Image,
        gpus: tuple[str, ...],
    ) -> Command:
        name = container_name(folder)
        shown = () if folder is None else _folder_options(folder, environ)
        options = (*_options(engine), "--name", name, *gpu_options(engine.name, gpus), *shown, *self.settings.arguments)
        program = ("--entrypoint", self.settings.python, image.id, *_inside(arguments, folder))
        return Command(
            (engine.program.path, "run", *options, *program),
            dict(engine.program.environ),
            ended=(engine.program.path, "rm", "--force", name),
        )


def configs_in(folder: Path | None) -> tuple[ExperimentConfig, ...]:
    """The experiments that a program is asked about in a folder: by a request, or by a question of the checks."""
    if folder is None:
        return ()
    if (folder / REQUEST_FILE).exists():
        return (read_request(folder).config,)
    try:
        return read(Question, folder).configs
    except OSError:
        return ()


def _options(engine: Engine) -> Iterator[str]:
    """The options of every container."""
    yield from ("--rm", "--pull", "never", "--shm-size", SHARED_MEMORY, "--stop-timeout", GRACE, *label_options())
    # The root user of a rootless engine is the user who started it.
    yield from ("--user", "0:0" if engine.rootless else f"{os.getuid()}:{os.getgid()}")
    # SELinux would otherwise refuse the folders of this machine; a new label on them would change them for others.
    yield from ("--security-opt", "label=disable")
    if engine.name == "podman":
        yield "--http-proxy=false"  # it would pass the proxies, and their passwords, so that `inspect` shows them


def _folder_options(folder: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """The options that show the folder of a run, and what its experiments name. Variables are left in the folder."""
    configs = configs_in(folder)
    (folder / "home").mkdir(exist_ok=True)
    working = make_working_directory(folder, configs)
    processes = read_request(folder).processes if (folder / REQUEST_FILE).exists() else 1
    leave_environ(folder, {**passed_variables(environ), **cache_variables(environ)}, processes)
    yield from (*bind(folder, INSIDE), "--workdir", f"{INSIDE}/{working}", "--env", f"HOME={INSIDE}/home")
    yield from ("--env", "USER=llem")  # torch asks for the name of the user, whose id has none in the image
    for mount in mounts_for(configs, environ):
        yield from mount.options


def _inside(arguments: Iterable[str], folder: Path | None) -> tuple[str, ...]:
    """The arguments with the paths that the container has for the folder."""
    if folder is None:
        return tuple(arguments)
    return tuple(
        f"{INSIDE}{each.removeprefix(str(folder))}" if each.startswith(str(folder)) else each for each in arguments
    )
