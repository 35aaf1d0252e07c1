"""The program of a child process: `python -m llenergymeasure.launch.child FOLDER`.

```
 read the request . check . load, warm up . reply: ready . for each requested window: measure, save, reply . end
```

It depends only on the folder, not on how it was started. The process that `launch.fork` forks calls `main(folder)`.
"""

from __future__ import annotations

import gc
import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from llenergymeasure.core.harness import OpenExperiment
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import LLEMError, ProcessGroupError
from llenergymeasure.launch.baselines import fresh_baselines, take_over
from llenergymeasure.launch.check import experiment_findings
from llenergymeasure.launch.exchange.environ_file import take_environ
from llenergymeasure.launch.failure import Failure, failure_of
from llenergymeasure.launch.lifeline import start_lifeline
from llenergymeasure.launch.progress_file import ProgressFile
from llenergymeasure.launch.ranks.group import joined, leave_result
from llenergymeasure.launch.ranks.rank import RankInfo, rank_info_of
from llenergymeasure.launch.request import REQUEST_FILE, KnownBaseline, Reply, Request, read_request, write_reply
from llenergymeasure.orchestration.orchestrator import Session, opened
from llenergymeasure.orchestration.preflight import refuse
from llenergymeasure.progress import Progress, Silent

# How often a waiting child looks for a new request.
POLL_S = 0.05


def main(folder: Path) -> int:
    """Measure what the request asks for. Returns 0, or 1 after a failure, which is in the reply."""
    request = read_request(folder)
    rank_info = rank_info_of(os.environ) if request.processes > 1 else None
    answer = Answer(folder, 0 if rank_info is None else rank_info.rank)
    os.environ.update(take_environ(folder, answer.rank))
    lifeline = start_lifeline(folder, answer.rank, request.owner, answer.ended)
    try:
        return _answered(request, rank_info, answer, folder)
    finally:
        lifeline.wait_if_ending()


def _answered(request: Request, rank_info: RankInfo | None, answer: Answer, folder: Path) -> int:
    session = session_for(request, answer.rank, folder)
    baselines = partial(fresh_baselines, session, request)
    try:
        with _opened(request, session, rank_info) as experiment:
            answer.ready(baselines())
            for number in wanted_windows(folder):
                answer.add(_left(experiment.measure(), folder, number, rank_info))
    except LLEMError as error:
        answer.failed(failure_of(error), baselines())
        return 1
    except Exception as error:  # the outermost frame of a process
        traceback.print_exc()
        answer.failed(failure_of(error), baselines())
        return 1
    return 0


class Answer:
    """Writes the reply of this process and keeps it up to date.

    Args:
        folder: the folder of the request.
        rank: the rank of this process; 0 for a single process.
    """

    def __init__(self, folder: Path, rank: int) -> None:
        self._folder, self.rank = folder, rank
        self._reply = Reply()

    def ready(self, baselines: tuple[KnownBaseline, ...] = ()) -> None:
        """The experiment is loaded and warm; `baselines` were measured for it."""
        self._say(self._reply.model_copy(update={"baselines": baselines}))

    def add(self, path: Path) -> None:
        """A window was measured; `path` is its result."""
        self._say(
            self._reply.model_copy(update={"results": (*self._reply.results, str(path.relative_to(self._folder)))})
        )

    def failed(self, failure: Failure, baselines: tuple[KnownBaseline, ...] = ()) -> None:
        """The experiment failed; `baselines` were measured for it."""
        with suppress(LLEMError):  # the folder may have been removed by its owner
            self._say(self._reply.model_copy(update={"failure": failure, "baselines": baselines}))

    def ended(self) -> None:
        """This process is ended from outside, after an interrupt or the failure of another rank."""
        self.failed(failure_of(ProcessGroupError("ended by a signal")))

    def _say(self, reply: Reply) -> None:
        self._reply = reply
        write_reply(self._folder, self.rank, reply)


@contextmanager
def _opened(request: Request, session: Session, rank_info: RankInfo | None) -> Iterator[OpenExperiment]:
    """The experiment, or the share of this rank, loaded and warm. The checks run again in this process's environment."""
    config = request.config
    refuse([experiment_findings(config, session, rank_info, meter_name=request.meter)])
    if rank_info is None:
        with opened(config, session, meter_name=request.meter) as experiment:
            yield experiment
        return
    with (
        joined(config, rank_info) as group,
        opened(
            config, session, meter_name=request.meter, process_group=group, only_gpu=rank_info.local_rank
        ) as experiment,
    ):
        yield experiment


def session_for(request: Request, rank: int, folder: Path) -> Session:
    """A session with the settings and baselines of the request. Rank 0 writes its progress into the folder."""
    progress: Progress = ProgressFile(folder) if rank == 0 else Silent()
    session = Session(progress=progress, user_config=request.user_config, runner=request.runner, image=request.image)
    take_over(session, request.baselines)
    return session


def _left(result: ExperimentResult, folder: Path, number: int, rank_info: RankInfo | None) -> Path:
    if rank_info is None:
        return result.save(folder / "results")
    return leave_result(folder, number, rank_info, result)


def wanted_windows(folder: Path) -> Iterator[int]:
    """Yield the number of each window, from 0, as soon as it is requested; end when no more will be requested."""
    measured, seen, request = 0, None, read_request(folder)
    while True:
        if measured < request.windows:
            yield measured
            measured += 1
        elif not request.more:
            return
        else:
            time.sleep(POLL_S)
        found = (folder / REQUEST_FILE).stat()
        if (found.st_ino, found.st_mtime_ns) != seen:
            seen, request = (found.st_ino, found.st_mtime_ns), read_request(folder)


if __name__ == "__main__":
    gc.freeze()  # what the backend imports is frozen too, see importing_heavy
    sys.exit(main(Path(sys.argv[1])))
