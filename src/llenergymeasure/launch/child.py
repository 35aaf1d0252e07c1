"""The program of a process that measures for another one: `python -m llenergymeasure.launch.child FOLDER`.

```
 read the request . load, warm up . reply: ready . for each window that is wanted: measure, save, reply . end
```

It knows the folder and nothing of who started it. `main(folder)` may as well be called in a process that was forked.
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

# While it waits for a window to be asked for.
POLL_S = 0.05


def main(folder: Path) -> int:
    """Measure what is asked; 1 when that failed, and the reply says why."""
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
    """What this process has to say, as it grows.

    Args:
        folder: of the request.
        rank: of this process; 0 when it is alone.
    """

    def __init__(self, folder: Path, rank: int) -> None:
        self._folder, self.rank = folder, rank
        self._reply = Reply()

    def ready(self) -> None:
        """The experiment is loaded and warm."""
        self._say(self._reply)

    def add(self, path: Path) -> None:
        """A window is measured."""
        self._say(
            self._reply.model_copy(update={"results": (*self._reply.results, str(path.relative_to(self._folder)))})
        )

    def failed(self, failure: Failure) -> None:
        """It is given up."""
        with suppress(LLEMError):  # the folder may be gone with whoever made it
            self._say(self._reply.model_copy(update={"failure": failure}))

    def ended(self) -> None:
        """Whoever started this process ends it, because of an interrupt or because of another process."""
        self.failed(failure_of(ProcessGroupError("ended by a signal")))

    def _say(self, reply: Reply) -> None:
        self._reply = reply
        write_reply(self._folder, self.rank, reply)


@contextmanager
def _opened(request: Request, rank_info: RankInfo | None, folder: Path) -> Iterator[OpenExperiment]:
    """The experiment, or this process's share of it, loaded and warm; checked in this very process and environment."""
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
    """What the request brings from whoever asks. The first process writes its steps."""
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
    """The number of each window, from 0, as soon as it is wanted; ends when no more will be."""
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
