"""An experiment in child processes: one fresh process, or several ranks side by side.

```
 request . start . wait until all are ready . for each window: request it, wait, read or combine . end
```

When the context ends, for whatever reason, its processes have ended and its folder is removed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import AggregationError, BackendError, ExperimentError, LLEMError, ProcessGroupError
from llenergymeasure.launch.failure import error_of, first_cause
from llenergymeasure.launch.heartbeats import SILENT_S, Heartbeats
from llenergymeasure.launch.process import Child, started, tail_of
from llenergymeasure.launch.progress_file import ProgressRelay
from llenergymeasure.launch.ranks.group import window_folder
from llenergymeasure.launch.ranks.launcher import launcher_command, shared_cores, what_happened
from llenergymeasure.launch.request import KnownBaseline, Reply, Request, read_replies, write_request
from llenergymeasure.orchestration.orchestrator import Session
from llenergymeasure.progress import Progress
from llenergymeasure.results.ranks.combine import aggregate
from llenergymeasure.results.ranks.files import read_process_results

# Time for processes to release the model and end by themselves.
LEAVE_S = 10.0


@contextmanager
def opened_isolated(
    config: ExperimentConfig, session: Session, processes: int = 1, meter_name: str | None = None
) -> Iterator[IsolatedExperiment]:
    """Check, load and warm up an experiment in child processes.

    Args:
        config: the experiment.
        session: the session of this process; it releases a cached model, because the children need the memory.
        processes: number of children; each of several measures its share of the prompts.
        meter_name: the meter to use; None = as configured.

    Raises:
        ExperimentError: the experiment failed; of several processes, it names the one at fault.
        KeyboardInterrupt: SIGINT or SIGTERM arrived; the children have ended.
    """
    session.model_cache.drop()
    request = _request(config, session, processes, meter_name)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="llem-launch-") as name,
            _started(Path(name), request, session) as running,
        ):
            running.wait_until_ready()
            yield running
            running.finish()
    finally:
        session.progress.done()


@contextmanager
def _started(folder: Path, request: Request, session: Session) -> Iterator[IsolatedExperiment]:
    """Start the children of a request; they have ended when the block ends."""
    count = request.processes
    command, environ = [sys.executable, "-m", "llenergymeasure.launch.child", str(folder)], dict(session.environ)
    if count > 1:
        session.progress.step(f"starting {count} processes")
        command, environ = launcher_command(folder, count), shared_cores(session.environ, count)
    write_request(folder, request)
    beats = Heartbeats(folder, count)
    with started(command, environ, folder / "log", others=beats.pids) as child:
        yield IsolatedExperiment(folder, request, child, beats, session.progress)


def _request(config: ExperimentConfig, session: Session, processes: int, meter_name: str | None) -> Request:
    known = session.baselines.known(session.clock.now())
    return Request(
        config=config,
        processes=processes,
        meter=meter_name,
        user_config=session.settings(),
        baselines=tuple(KnownBaseline(key=key, age_s=age_s, baseline=baseline) for key, age_s, baseline in known),
        owner=os.getpid(),
    )


class IsolatedExperiment:
    """An experiment in child processes: `measure` gives one result per window.

    Args:
        folder: the folder of the request.
        request: the request as it was written last.
        child: the child process, or the launcher of several.
        beats: the heartbeats of the children.
        progress: receives the steps of rank 0.
    """

    def __init__(self, folder: Path, request: Request, child: Child, beats: Heartbeats, progress: Progress) -> None:
        self._folder, self._request, self._child, self._beats = folder, request, child, beats
        self._relay = ProgressRelay(folder, progress)

    def wait_until_ready(self) -> None:
        """Return when the model is loaded and warm.

        Raises:
            ExperimentError: it failed.
        """
        self._wait_for(0)

    def measure(self) -> ExperimentResult:
        """Measure one window.

        Raises:
            ExperimentError: it failed.
        """
        number = self._request.windows
        self._ask(self._request.model_copy(update={"windows": number + 1}))
        self._wait_for(number + 1)
        if self._request.processes == 1:
            result = ExperimentResult.from_json(self._folder / self._replies()[0].results[number])
            return result.model_copy(update={"timeseries_file": None})  # the file goes with the folder
        try:
            return aggregate(read_process_results(window_folder(self._folder, number), self._request.processes))
        except AggregationError as error:
            raise ExperimentError(self._request.config, error) from error

    def finish(self) -> None:
        """Let the children end by themselves: no more windows will be requested."""
        self._ask(self._request.model_copy(update={"more": False}))
        self._wait(lambda: False, LEAVE_S)

    def _ask(self, request: Request) -> None:
        self._request = request
        write_request(self._folder, request)

    def _wait_for(self, windows: int) -> None:
        """Return when every child has measured so many windows in total."""
        self._wait(lambda: self._have_measured(windows) or self._gave_up())
        if not self._have_measured(windows):
            raise ExperimentError(self._request.config, self._why())

    def _wait(self, until: Callable[[], bool], at_most_s: float | None = None) -> None:
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

    def _why(self) -> LLEMError:
        replies, silent = self._replies(), self._beats.silent()
        last_words = (tail_of(self._folder / "log").strip().splitlines() or ["nothing was written"])[-1]
        if self._request.processes > 1:
            return ProcessGroupError(what_happened(replies, self._request.processes, silent, last_words))
        failure = replies[0].failure if 0 in replies else None
        if failure is not None:
            return error_of(failure)
        if silent:
            return BackendError(f"the process of the experiment did not answer for {SILENT_S:g} s and was ended")
        return BackendError(
            f"the process of the experiment died (exit code {self._child.exit_code}; killed, or out of memory): {last_words}"
        )
