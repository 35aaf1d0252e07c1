"""What a child process is asked to measure, and what it replies: files in a folder that both processes see.

```
 request.json          what to measure; the parent rewrites it to ask for another window
 rank-00000.reply      one per process: the paths of its results, or its failure
 rank-00000.alive      one per process: the heartbeat
 progress              of rank 0: its steps
```

The files do not depend on how the child was started: by this interpreter, torch's launcher, another interpreter or a container.
"""

from __future__ import annotations

from pathlib import Path

from llenergymeasure._files import write_atomic
from llenergymeasure._json import read_json
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.runners import LOCAL
from llenergymeasure.config.user_config import UserConfig
from llenergymeasure.domain.base import Frozen, json_of
from llenergymeasure.domain.energy import BaselineResult
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.launch.exchange.owner import Owner
from llenergymeasure.launch.failure import Failure
from llenergymeasure.results.ranks.files import stem

REQUEST_FILE = "request.json"


class KnownBaseline(Frozen):
    """An idle baseline that was measured in another process.

    Attributes:
        key: its key in the cache.
        age_s: its age in seconds when the request or reply was written.
        baseline: the baseline.
    """

    key: tuple[str, ...]
    age_s: float
    baseline: BaselineResult


class Request(Frozen):
    """What to measure.

    Attributes:
        config: the experiment.
        processes: number of processes that measure it side by side; each reads its rank from the launcher's variables.
        windows: number of windows to measure in total.
        more: whether more windows may be requested later; the process then waits instead of ending.
        meter: name of the meter to use; None = as configured.
        runner: the runner that starts these processes, as written.
        image: the container image that they run in, by its digest; None without one.
        user_config: the user's settings.
        baselines: idle baselines that need not be measured again.
        owner: how the child finds out that the process that created the folder has ended: by its id, or by the lock that it holds.
            The child then removes the folder and ends. None = it is not watched.
    """

    config: ExperimentConfig
    processes: int = 1
    windows: int = 0
    more: bool = True
    meter: str | None = None
    runner: str = LOCAL
    image: str | None = None
    user_config: UserConfig
    baselines: tuple[KnownBaseline, ...] = ()
    owner: Owner | None = None


class Reply(Frozen):
    """The state of a process. The first reply is written when the model is loaded and warm.

    Attributes:
        results: paths of its results relative to the folder, one per window.
        failure: why the process failed; None if it did not.
        baselines: idle baselines that it measured itself, for later processes.
    """

    results: tuple[str, ...] = ()
    failure: Failure | None = None
    baselines: tuple[KnownBaseline, ...] = ()


def write_request(folder: Path, request: Request) -> None:
    """Write a request; replaces an earlier one.

    Only what is set is written: a setting that has no effect is a warning if the user has set it, and not if it is the default.
    """
    write_atomic(folder / REQUEST_FILE, json_of(request, exclude_unset=True))


def read_request(folder: Path) -> Request:
    """Read the request.

    Raises:
        ConfigError: it is missing or invalid.
    """
    path = folder / REQUEST_FILE
    try:
        return Request.model_validate(read_json(path.read_bytes()))
    except (OSError, ValueError) as error:  # pydantic's ValidationError is one
        raise ConfigError(f"{path} is not a valid request: {error}") from error


def reply_file(folder: Path, rank: int) -> Path:
    """The path of a process's reply."""
    return folder / f"{stem(rank)}.reply"


def write_reply(folder: Path, rank: int, reply: Reply) -> None:
    """Write the reply of a process; replaces its earlier one."""
    write_atomic(reply_file(folder, rank), json_of(reply))


def read_replies(folder: Path, count: int) -> dict[int, Reply]:
    """The replies by rank, of the processes that have replied."""
    found = {rank: _read_reply(reply_file(folder, rank)) for rank in range(count)}
    return {rank: reply for rank, reply in found.items() if reply is not None}


def _read_reply(path: Path) -> Reply | None:
    try:
        return Reply.model_validate(read_json(path.read_bytes()))
    except (OSError, ValueError):
        return None
