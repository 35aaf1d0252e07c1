"""An experiment in processes of its own: one, so that nothing of this process can matter, or several side by side.

```
 request . start . wait until all are ready . for each window: ask, wait, read or combine . let them end
```

Whatever happens, neither process nor folder outlives the block.
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

# For processes that release a model and go by themselves.
LEAVE_S = 10.0


@contextmanager
def opened_isolated(
    config: ExperimentConfig, session: Session, processes: int = 1, meter_name: str | None = None
) -> Iterator[IsolatedExperiment]:
    """An experiment that is checked, loaded and warm in so many processes of its own.

    Args:
        config: the experiment.
        session: of this process; its model is let go first, as the others need the memory.
        processes: how many; several each measure their share of the prompts.
        meter_name: the meter to use; None = as configured.

    Raises:
        ExperimentError: it failed on the way; where there are several processes, it names the one.
        KeyboardInterrupt: SIGINT or SIGTERM came; the processes are gone.
    """
    session.model_cache.drop()
    if processes > 1:
        session.progress.step(f"starting {processes} processes")
    with tempfile.TemporaryDirectory(prefix="llem-launch-") as name:
        folder = Path(name)
        request = _request(config, session, processes, meter_name)
        write_request(folder, request)
        beats = Heartbeats(folder, processes)
        environ = dict(session.environ) if processes == 1 else shared_cores(session.environ, processes)
        with started(_command(folder, processes), environ, folder / "log", others=beats.pids) as child:
            experiment = IsolatedExperiment(folder, request, child, beats, session.progress)
            experiment.wait_until_ready()
            yield experiment
            experiment.finish()
    session.progress.done()


def _command(folder: Path, processes: int) -> list[str]:
    if processes > 1:
        return launcher_command(folder, processes)
    return [sys.executable, "-m", "llenergymeasure.launch.child", str(folder)]


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
    """An experiment in other processes: `measure` gives one result per window.

    Args:
        folder: of the request.
        request: what was asked so far.
        child: the process that was started, or the launcher of several.
        beats: tells which of the processes are silent.
        progress: is told the steps of the first process.
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
            return ExperimentResult.from_json(self._folder / self._replies()[0].results[number])
        try:
            return aggregate(read_process_results(window_folder(self._folder, number), self._request.processes))
        except AggregationError as error:
            raise ExperimentError(self._request.config, error) from error

    def finish(self) -> None:
        """No more windows are wanted: the processes may end by themselves."""
        self._ask(self._request.model_copy(update={"more": False}))
        self._wait(lambda: False, LEAVE_S)

    def _ask(self, request: Request) -> None:
        self._request = request
        write_request(self._folder, request)

    def _wait_for(self, windows: int) -> None:
        """Return when every process has measured so many windows."""
        self._wait(lambda: self._have_measured(windows) or self._gave_up())
        if not self._have_measured(windows):
            raise ExperimentError(self._request.config, self._why())

    def _wait(self, until: Callable[[], bool], at_most_s: float | None = None) -> None:
        """Wait, and meanwhile tell on the steps that are taken."""

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
        """Whether a process failed by itself, or is silent. The others hear of it from their launcher and follow."""
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
