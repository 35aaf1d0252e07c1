"""What a process is asked to measure, and what it answers: files in a folder that both sides see.

```
 request.json          what to measure; rewritten when another window is wanted
 rank-00000.reply      of each process: where its results are, or why it gave up
 rank-00000.alive      of each process: its number, written anew every second
 progress              of the first process: its steps, for whoever waits
```

Nothing in here says who starts the process: this interpreter, torch's launcher, another interpreter or a container.
"""

from __future__ import annotations

from pathlib import Path

from llenergymeasure._files import write_atomic
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.domain.base import Frozen
from llenergymeasure.domain.measurements import BaselineResult
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.launch.failure import Failure
from llenergymeasure.results.ranks.files import stem

REQUEST_FILE = "request.json"


class KnownBaseline(Frozen):
    """Idle power that was measured before.

    Attributes:
        key: of the cache.
        age_s: seconds since it was measured, when the request was written.
        baseline: what was measured.
    """

    key: tuple[str, ...]
    age_s: float
    baseline: BaselineResult


class Request(Frozen):
    """What to measure.

    Attributes:
        config: the experiment.
        processes: how many processes measure it side by side; each takes its place from the launcher's variables.
        windows: how many windows are wanted, all in all.
        more: whether more may be wanted later: a process then waits instead of ending.
        meter: name of the meter to use; None = as configured.
        user_config: settings of the user who asks.
        baselines: idle power that need not be measured again.
        owner: number of the process that made the folder. When it is gone, nobody wants the answer: the folder is
            removed and the process ends. None = a process of another machine or container.
    """

    config: ExperimentConfig
    processes: int = 1
    windows: int = 0
    more: bool = True
    meter: str | None = None
    user_config: UserConfig
    baselines: tuple[KnownBaseline, ...] = ()
    owner: int | None = None


class Reply(Frozen):
    """What a process has to say so far. It is there as soon as the process is ready to measure.

    Attributes:
        results: files of its results, one per window, from the folder.
        failure: why it gave up; None as long as it did not.
    """

    results: tuple[str, ...] = ()
    failure: Failure | None = None


def write_request(folder: Path, request: Request) -> None:
    """Write a request, or put another one in its place."""
    write_atomic(folder / REQUEST_FILE, request.model_dump_json())


def read_request(folder: Path) -> Request:
    """The request.

    Raises:
        ConfigError: there is none, or it cannot be understood.
    """
    path = folder / REQUEST_FILE
    try:
        return Request.model_validate_json(path.read_bytes())
    except (OSError, ValueError) as error:  # pydantic's ValidationError is one
        raise ConfigError(f"{path} is no request: {error}") from error


def reply_file(folder: Path, rank: int) -> Path:
    """Where a process answers."""
    return folder / f"{stem(rank)}.reply"


def write_reply(folder: Path, rank: int, reply: Reply) -> None:
    """Write what a process has to say, in place of what it said before."""
    write_atomic(reply_file(folder, rank), reply.model_dump_json())


def read_replies(folder: Path, count: int) -> dict[int, Reply]:
    """What each process has to say, by rank; those that did not say anything yet are left out."""
    found = {rank: _read_reply(reply_file(folder, rank)) for rank in range(count)}
    return {rank: reply for rank, reply in found.items() if reply is not None}


def _read_reply(path: Path) -> Reply | None:
    try:
        return Reply.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
