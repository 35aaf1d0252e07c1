"""Measures experiments one after another, each in a fresh process.

```
 process   forked from a server that has imported the backend's library     0.1 s per run
 spawn     a new interpreter, which imports the library itself              seconds per run
```

Several ranks (`pytorch.num_processes`) are started by torch's launcher in both cases. Each backend runs in the environment of its
runner.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal

from llenergymeasure._files import remove_stale
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import PreFlightError
from llenergymeasure.launch.fork.client import ForkServer, server_arguments
from llenergymeasure.launch.isolated import opened_isolated
from llenergymeasure.launch.open import no_fresh_process
from llenergymeasure.launch.process import Child, ended_with_block
from llenergymeasure.launch.ranks.rank import rank_info_of
from llenergymeasure.launch.runners.choose import runner_for
from llenergymeasure.launch.runners.runner import Runner
from llenergymeasure.launch.start import Start, Terms
from llenergymeasure.orchestration.orchestrator import Session

Isolation = Literal["process", "spawn"]


class FreshProcesses:
    """A context that measures each experiment in a process of its own. Use it from one thread.

    ```python
    with FreshProcesses(session) as fresh:
        result = fresh.measure(config, timeout_s=600, log=folder / "log.txt")
    ```

    Args:
        session: the session that the experiments share: settings, environment, progress, idle baselines.
        isolation: how the processes are started.
        program: gives the arguments of Python that start the fork server for a backend.

    Raises:
        PreFlightError: a launcher started this process, and a fresh one would not be one of its ranks.
    """

    def __init__(
        self,
        session: Session,
        isolation: Isolation = "process",
        program: Callable[[str], Sequence[str]] = server_arguments,
    ) -> None:
        rank_info = rank_info_of(session.environ)
        if rank_info is not None:
            raise PreFlightError([no_fresh_process(rank_info)])
        self._session, self._isolation, self._program = session, isolation, program
        self._servers: dict[str, ForkServer] = {}

    def __enter__(self) -> FreshProcesses:
        remove_stale(Path(tempfile.gettempdir()))  # the files of a killed process
        return self

    def __exit__(self, *error: object) -> None:
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    def measure(
        self,
        config: ExperimentConfig,
        *,
        timeout_s: float | None = None,
        log: Path | None = None,
        meter_name: str | None = None,
    ) -> ExperimentResult:
        """Load, warm up and measure one experiment; its process has ended when this returns.

        Args:
            config: the experiment.
            timeout_s: seconds after which its process is ended; None = no limit. A process without a heartbeat is ended anyway.
            log: file for the output of its process; replaced when it exists. None = the output is not kept.
            meter_name: the meter to use; None = as configured.

        Returns:
            The result with its time series.

        Raises:
            ExperimentError: the experiment failed. `failure_kind` says how, `output` has the last lines of its process.
            ConfigError: the log cannot be written.
            KeyboardInterrupt: SIGINT or SIGTERM arrived; the process has ended.
        """
        processes = config.section.effective_num_processes
        runner = runner_for(config.backend, self._session.settings(), self._session.environ)
        start = self._start(runner, config.backend, processes)
        terms = Terms(runner, start, windows=1, time_limit_s=timeout_s, log=log)
        with opened_isolated(config, self._session, processes, meter_name, terms) as experiment:
            return experiment.measure()

    def _start(self, runner: Runner, backend: str, processes: int) -> Start | None:
        """How a single process is forked; None for a new interpreter, and for several ranks, which need no server."""
        if processes > 1 or self._isolation == "spawn" or not runner.can_fork:
            return None
        return partial(_forked, self._server(runner, backend))

    def _server(self, runner: Runner, backend: str) -> ForkServer:
        """The server for a backend, ready to fork: started when it is first needed, and again after it ended."""
        server = self._servers.get(backend)
        if server is None or not server.is_alive:
            if server is not None:
                server.close()
            self._session.progress.step(f"importing the libraries of {backend}")
            command = runner.command(self._program(backend), None, self._session.environ)
            server = self._servers[backend] = ForkServer(command.arguments, command.environ)
            server.wait_until_ready()
        return server


@contextmanager
def _forked(server: ForkServer, folder: Path, log: Path, *, others: Callable[[], Iterable[int]]) -> Iterator[Child]:
    with ended_with_block(server.fork(folder, log), others) as child:
        yield child
