"""The program of a child process: `python -m llenergymeasure.launch.child FOLDER`.

```
 read the request . check . load, warm up . reply: ready . for each requested window: measure, save, reply . end
```

It depends only on the folder, not on how it was started. A forked process may call `main(folder)` as a function.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from llenergymeasure.core.baseline import BaselineCache
from llenergymeasure.core.harness import OpenExperiment
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import LLEMError, ProcessGroupError
from llenergymeasure.launch.check import experiment_findings
from llenergymeasure.launch.failure import Failure, failure_of
from llenergymeasure.launch.lifeline import start_lifeline
from llenergymeasure.launch.progress_file import ProgressFile
from llenergymeasure.launch.ranks.group import joined, leave_result
from llenergymeasure.launch.ranks.rank import RankInfo, rank_info_of
from llenergymeasure.launch.request import REQUEST_FILE, Reply, Request, read_request, write_reply
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
    start_lifeline(folder, answer.rank, request.owner, answer.ended)
    try:
        with _opened(request, rank_info, folder) as experiment:
            answer.ready()
            for number in wanted_windows(folder):
                answer.add(_left(experiment.measure(), folder, number, rank_info))
    except LLEMError as error:
        answer.failed(failure_of(error))
        return 1
    except Exception as error:  # the outermost frame of a process
        traceback.print_exc()
        answer.failed(failure_of(error))
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

    def ready(self) -> None:
        """The experiment is loaded and warm."""
        self._say(self._reply)

    def add(self, path: Path) -> None:
        """A window was measured; `path` is its result."""
        self._say(
            self._reply.model_copy(update={"results": (*self._reply.results, str(path.relative_to(self._folder)))})
        )

    def failed(self, failure: Failure) -> None:
        """The experiment failed."""
        with suppress(LLEMError):  # the folder may have been removed by its owner
            self._say(self._reply.model_copy(update={"failure": failure}))

    def ended(self) -> None:
        """This process is ended from outside, after an interrupt or the failure of another rank."""
        self.failed(failure_of(ProcessGroupError("ended by a signal")))

    def _say(self, reply: Reply) -> None:
        self._reply = reply
        write_reply(self._folder, self.rank, reply)


@contextmanager
def _opened(request: Request, rank_info: RankInfo | None, folder: Path) -> Iterator[OpenExperiment]:
    """The experiment, or the share of this rank, loaded and warm. The checks run again in this process's environment."""
    config, session = request.config, session_for(request, rank_info, folder)
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


def session_for(request: Request, rank_info: RankInfo | None, folder: Path) -> Session:
    """A session with the settings and baselines of the request. Rank 0 writes its progress into the folder."""
    clock, baselines = SystemClock(), BaselineCache()
    for known in request.baselines:
        baselines.put(known.key, clock.now() - known.age_s, known.baseline)
    progress: Progress = ProgressFile(folder) if rank_info is None or rank_info.rank == 0 else Silent()
    return Session(progress=progress, clock=clock, baselines=baselines, user_config=request.user_config)


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
    sys.exit(main(Path(sys.argv[1])))
