"""An experiment in child processes: one fresh process, or several ranks side by side.

```
 request . start . wait until all are ready . for each window: request it, wait, read or combine . end
```

When the context ends, for whatever reason, its processes have ended and its folder is removed.
"""

from __future__ import annotations

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llenergymeasure._files import launch_prefix, write_atomic
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.machine.last_lines import last_lines
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import AggregationError, ExperimentError
from llenergymeasure.launch.baselines import known_baselines, take_over
from llenergymeasure.launch.ending import Ending, killed_for_memory
from llenergymeasure.launch.failure import first_cause
from llenergymeasure.launch.heartbeats import Heartbeats
from llenergymeasure.launch.process import Child
from llenergymeasure.launch.progress_file import ProgressRelay
from llenergymeasure.launch.ranks.group import window_folder
from llenergymeasure.launch.request import Reply, Request, read_replies, write_request
from llenergymeasure.launch.start import AS_NEEDED, Terms, spawned, with_torch_launcher
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.results.ranks.combine import aggregate
from llenergymeasure.results.ranks.files import read_process_results

# Time for processes to release the model and end by themselves.
LEAVE_S = 10.0


@contextmanager
def opened_isolated(
    config: ExperimentConfig,
    session: Session,
    processes: int = 1,
    meter_name: str | None = None,
    terms: Terms = AS_NEEDED,
) -> Iterator[IsolatedExperiment]:
    """Check, load and warm up an experiment in child processes.

    Args:
        config: the experiment.
        session: the session of this process; it releases a cached model, because the children need the memory.
        processes: number of children; each of several measures its share of the prompts.
        meter_name: the meter to use; None = as configured.
        terms: how the children are run.

    Raises:
        ConfigError: the log cannot be written.
        ExperimentError: the experiment failed; of several processes, it names the one at fault.
        KeyboardInterrupt: SIGINT or SIGTERM arrived; the children have ended.
    """
    session.model_cache.drop()
    request = _request(config, session, processes, meter_name, terms)
    try:
        with (
            tempfile.TemporaryDirectory(prefix=launch_prefix()) as name,
            _started(Path(name), request, session, terms) as running,
        ):
            running.wait_until_ready()
            yield running
            running.finish()
    finally:
        session.progress.done()


@contextmanager
def _started(folder: Path, request: Request, session: Session, terms: Terms) -> Iterator[IsolatedExperiment]:
    """Start the children of a request; they have ended when the block ends."""
    count, log, runner = request.processes, terms.log or folder / "log", terms.runner
    start = terms.start or spawned(runner, session.environ)
    if not runner.is_local:
        session.progress.step(f"starting in {runner.name}")
    if count > 1:
        session.progress.step(f"starting {count} processes")
        start = with_torch_launcher(runner, session.environ, count)
    write_request(folder, request)
    write_atomic(log, b"")
    beats = Heartbeats(folder, count)
    with start(folder, log, others=beats.pids) as child:
        yield IsolatedExperiment(folder, request, child, beats, session, log, terms.time_limit_s)


def _request(
    config: ExperimentConfig, session: Session, processes: int, meter_name: str | None, terms: Terms
) -> Request:
    return Request(
        config=config,
        processes=processes,
        windows=terms.windows or 0,
        more=terms.windows is None,
        meter=meter_name,
        runner=terms.runner.name,
        image=terms.runner.image(session.environ),
        user_config=session.settings(),
        baselines=known_baselines(session),
        owner=os.getpid() if terms.runner.watches_owner else "lock",
    )


class IsolatedExperiment:
    """An experiment in child processes: `measure` gives one result per window.

    Args:
        folder: the folder of the request.
        request: the request as it was written last.
        child: the child process, or the launcher of several.
        beats: the heartbeats of the children.
        session: receives the steps of rank 0, and the idle baselines that the children measured.
        log: the output of the children.
        time_limit_s: the time in seconds, from now, after which the children have failed; None = no limit.
    """

    def __init__(
        self,
        folder: Path,
        request: Request,
        child: Child,
        beats: Heartbeats,
        session: Session,
        log: Path,
        time_limit_s: float | None = None,
    ) -> None:
        self._folder, self._request, self._child, self._beats, self._session = folder, request, child, beats, session
        self._log, self._time_limit_s = log, time_limit_s
        self._end_s = math.inf if time_limit_s is None else time.monotonic() + time_limit_s
        self._killed_before = killed_for_memory()
        self._relay = ProgressRelay(folder, session.progress)
        self._measured = 0

    def wait_until_ready(self) -> None:
        """Return when the model is loaded and warm.

        Raises:
            ExperimentError: it failed.
        """
        try:
            self._wait_for(0)
        finally:
            for reply in self._replies().values():
                take_over(self._session, reply.baselines)

    def measure(self) -> ExperimentResult:
        """Measure one window.

        Raises:
            ExperimentError: it failed.
        """
        number = self._measured
        if number == self._request.windows:
            self._ask(self._request.model_copy(update={"windows": number + 1}))
        self._wait_for(number + 1)
        self._measured += 1
        return self._result(number)

    def _result(self, number: int) -> ExperimentResult:
        if self._request.processes == 1:
            result = ExperimentResult.from_json(self._folder / self._replies()[0].results[number])
            return result.model_copy(update={"timeseries_file": None})  # the file goes with the folder
        try:
            return aggregate(read_process_results(window_folder(self._folder, number), self._request.processes))
        except AggregationError as error:
            raise ExperimentError(self._request.config, error) from error

    def finish(self) -> None:
        """Let the children end by themselves: no more windows will be requested."""
        if self._request.more:
            self._ask(self._request.model_copy(update={"more": False}))
        self._wait(lambda: False, LEAVE_S)

    def _ask(self, request: Request) -> None:
        self._request = request
        write_request(self._folder, request)

    def _wait_for(self, windows: int) -> None:
        """Return when every child has measured this number of windows in total."""
        self._wait(lambda: self._have_measured(windows) or self._gave_up(), self._end_s - time.monotonic())
        if not self._have_measured(windows):
            raise self._failure()

    def _wait(self, until: Callable[[], bool], at_most_s: float) -> None:
        """Wait for the children, and pass on their progress in the meantime."""

        def look() -> bool:
            self._relay.relay()
            return until()

        self._child.wait(look, at_most_s)
        self._relay.relay()

    def _replies(self) -> dict[int, Reply]:
        return read_replies(self._folder, self._request.processes)

    def _have_measured(self, windows: int) -> bool:
        replies = self._replies()
        return len(replies) == self._request.processes and all(
            reply.failure is None and len(reply.results) >= windows for reply in replies.values()
        )

    def _gave_up(self) -> bool:
        """Whether a child failed by its own fault or has no heartbeat. Their launcher ends the other ranks."""
        failures = {rank: reply.failure for rank, reply in self._replies().items() if reply.failure is not None}
        return first_cause(failures) is not None or bool(self._beats.silent())

    def _failure(self) -> ExperimentError:
        ending = Ending(
            replies=self._replies(),
            count=self._request.processes,
            silent=self._beats.silent(),
            exit_code=self._child.exit_code,
            time_limit_s=self._time_limit_s if time.monotonic() >= self._end_s else None,
            system_killed=killed_for_memory() != self._killed_before,
            output=last_lines(self._log),
        )
        return ExperimentError(self._request.config, ending.error, ending.output)
