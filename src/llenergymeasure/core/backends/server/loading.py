"""Finds a running server, or starts one, and describes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from llenergymeasure.config.backends.server import ELSEWHERE, ServerConfig
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.server.client.client import Client
from llenergymeasure.core.backends.server.client.engines import PROBES, recognised
from llenergymeasure.core.backends.server.client.target import Target, secrets_in
from llenergymeasure.core.backends.server.description import UNKNOWN_DEVICE, describe
from llenergymeasure.core.backends.server.engine import ServerEngine
from llenergymeasure.core.backends.server.loaded import LoadedServer
from llenergymeasure.core.backends.server.processes.launched import LaunchedServer, free_port
from llenergymeasure.core.backends.server.processes.listening import (
    NotFoundError,
    given_by_the_system,
    ports_of,
    processes_at,
    tunnel_at,
)
from llenergymeasure.core.backends.server.processes.programs import starter_among
from llenergymeasure.core.backends.server.processes.tree import ServerProcesses
from llenergymeasure.core.backends.server.questions import Questions
from llenergymeasure.core.backends.server.ready import PATIENCE_S, Waiting, served_model
from llenergymeasure.core.backends.server.report import report_of, version_in
from llenergymeasure.core.backends.server.requests import Requests
from llenergymeasure.core.backends.server.tokens.choose import tokenizer_for
from llenergymeasure.core.machine.process_tree import PROC
from llenergymeasure.exceptions import BackendError
from llenergymeasure.models.builtin import builtin_model_path
from llenergymeasure.models.files.local_files import local_config
from llenergymeasure.progress import Progress, Silent
from llenergymeasure.protocols import Clock

Launch = Callable[[Sequence[str], Mapping[str, str], Sequence[str]], LaunchedServer]


class ServerLoader:
    """Connects to servers, and starts them where the configuration says how.

    Args:
        clock: the clock of the measurement.
        environ: environment variables of this process, which a started server inherits.
        gpu_processes: returns the processes on each GPU of this machine, by UUID, or None where they are not known.
        launch: starts a server.
        progress: shows what a server does that does not answer yet.
        proc: where Linux lists processes.
    """

    def __init__(
        self,
        clock: Clock,
        environ: Mapping[str, str] = os.environ,
        gpu_processes: Callable[[], Mapping[str, Sequence[int] | None]] = dict,
        launch: Launch = LaunchedServer,
        progress: Progress | None = None,
        proc: Path = PROC,
    ) -> None:
        self._clock, self._environ, self._launch = clock, environ, launch
        self._progress = progress or Silent()
        self._gpu_processes, self._proc = gpu_processes, proc

    def load(self, config: ExperimentConfig) -> ServerEngine:
        settings, running = config.server_settings, None
        start_s, headers = self._clock.now(), key_headers(settings, self._environ)
        with ExitStack() as stack:
            url = with_version(settings.url or "")
            if settings.launch is not None:
                port = free_port()
                command = settings.command(_path_of(config.model), port, config.random_seed)
                running = self._launch(command, self._environ, secrets_in(headers))
                stack.callback(running.end)
                url = f"http://127.0.0.1:{port}/v1"
            loaded = self._loaded(config, url, headers, running, start_s)
            target = Target(url, settings.effective_api, headers, settings.effective_request_timeout_seconds)
            engine = ServerEngine(
                loaded, config, self._clock, lambda: Client(target, self._clock.now), Requests(config, loaded).make
            )
            stack.pop_all()  # the engine ends the server
        return engine

    def _loaded(
        self,
        config: ExperimentConfig,
        url: str,
        headers: Mapping[str, str],
        running: LaunchedServer | None,
        start_s: float,
    ) -> LoadedServer:
        settings, ask = config.server_settings, Questions(url, headers)
        listed = self._waiting(settings, ask, running).listed()
        start_seconds = None if running is None else self._clock.now() - start_s
        answers = {path: answer for path in PROBES if (answer := ask.known(path)) is not None}
        engine = recognised(listed.owners, listed.headers, answers)
        name = served_model(settings.served_model, (config.model, _path_of(config.model)), listed)
        version, no_version = version_in(answers)
        report = report_of(engine, ask, listed.entry(name), answers)
        architecture = local_config(config.model, None, self._environ) or {}
        tokenizer = tokenizer_for(config, engine, ask, name, report.vocab_size, architecture, self._environ)
        processes, why_not = _processes(settings, url, running, self._proc)
        device = self._device(settings, processes)
        return LoadedServer(
            url=url,
            headers=headers,
            served_model=name,
            engine=engine,
            tokenizer=tokenizer,
            info=describe(config, engine, report, architecture, device, start_seconds, cuts=tokenizer.counts),
            architecture=architecture,
            processes=processes,
            processes_reason=why_not,
            version=version,
            version_reason=no_version,
            command=() if running is None else running.command,
            start_seconds=start_seconds,
            why_ended=_nothing if running is None else running.why_ended,
            output=_nothing if running is None else running.written,
            give_back=_nothing if running is None else running.end,
        )

    def _waiting(self, settings: ServerConfig, ask: Questions, running: LaunchedServer | None) -> Waiting:
        if running is None:
            fix = "start it, wait until its model is loaded, restart it if it hangs, or correct server.url"
            return Waiting(ask, self._clock, PATIENCE_S, _nothing, lambda: fix)
        return Waiting(
            ask,
            self._clock,
            settings.effective_start_timeout_seconds,
            running.why_ended,
            lambda: f"raise server.start_timeout_seconds if it was still loading; {running.written()}",
            lambda: _at_another_port(_started_processes(running, self._proc), urlsplit(ask.url).port),
            lambda noticed: self._progress.step(f"waiting for the server: {noticed}"),
        )

    def _device(self, settings: ServerConfig, processes: ServerProcesses | None) -> str:
        """The device of a server by its processes: cuda, cpu, or unknown. Without them it is known if the machine has no GPU."""
        on_gpus = list(self._gpu_processes().values())
        if processes is None:
            may_use_gpu = settings.effective_energy == "none" or on_gpus or "CUDA_VISIBLE_DEVICES" in self._environ
            return UNKNOWN_DEVICE if may_use_gpu else "cpu"
        own = set(processes.pids())
        if any(own & set(pids or ()) for pids in on_gpus):
            return "cuda"
        return UNKNOWN_DEVICE if None in on_gpus else "cpu"


def _nothing() -> None:
    """Of a server that was not started here, neither the end nor the output is known, and it is not ended."""


def with_version(url: str) -> str:
    """The address up to and including /v1, which may be left out."""
    return url if not url or url.endswith("/v1") else f"{url}/v1"


def _path_of(model: str) -> str:
    """The model as a command takes it: of a built-in one, its files."""
    return str(builtin_model_path(model) or model)


def key_headers(settings: ServerConfig, environ: Mapping[str, str]) -> dict[str, str]:
    """The header with the key; none without a key.

    Raises:
        BackendError: the variable is not set.
    """
    name = settings.api_key_env
    if name is None:
        return {}
    key = environ.get(name, "").strip()
    if not key:
        raise BackendError(f"the environment variable {name}, which server.api_key_env names, is not set")
    return {"Authorization": f"Bearer {key}"}


def _started_processes(running: LaunchedServer, proc: Path) -> ServerProcesses:
    return ServerProcesses(lambda: (running.pid,), also_roots=False, proc=proc)


def _at_another_port(processes: ServerProcesses, port: int | None) -> str | None:
    """The ports on which a server listens that does not listen on its own one.

    Ports that the system has chosen do not count: those are between the processes of a server, and vLLM has a dozen of them before
    it answers. A server that ignores its port listens on the usual one of its kind.
    """
    listening, given = ports_of(processes.pids()), given_by_the_system()
    found = [each for each in listening if each not in given]
    if not found or port in listening:
        return None
    named = f"port{'s' * (len(found) > 1)} {', '.join(map(str, found))}"
    return (
        f"it listens on {named}, but not on {port}, the port that its command must pass on ({{port}} in server.launch)"
    )


def _processes(
    settings: ServerConfig, url: str, running: LaunchedServer | None, proc: Path
) -> tuple[ServerProcesses | None, str | None]:
    """The processes of a server, or why they are not known."""
    if running is not None:
        return _of_started(running, url, settings.gpus is not None, proc)
    if settings.effective_energy == "none":
        return None, ELSEWHERE
    try:
        return processes_at(url, proc), None
    except NotFoundError as error:
        return None, str(error)


def _of_started(
    running: LaunchedServer, url: str, names_gpus: bool, proc: Path
) -> tuple[ServerProcesses | None, str | None]:
    """The processes of a server that was started here; its command may be the client of what starts it elsewhere.

    Raises:
        BackendError: its port is forwarded to another machine.
    """
    tunnel = None if names_gpus else tunnel_at(url, proc)
    if tunnel is not None:
        raise BackendError(
            f"server.launch has started {tunnel}, which forwards the port of the server, probably to another machine, whose energy "
            "cannot be measured here; start the server yourself, and set server.url and server.energy: none"
        )
    processes = _started_processes(running, proc)
    starter = starter_among(processes.names())
    if starter is not None:
        return None, f"{starter} has started the server, whose processes are not seen from here"
    return processes, None
