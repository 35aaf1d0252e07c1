"""How the children of a request are started and limited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from llenergymeasure.launch.process import Child
from llenergymeasure.launch.ranks.launcher import launcher_arguments, shared_cores
from llenergymeasure.launch.runners.local import LOCAL
from llenergymeasure.launch.runners.runner import Runner
from llenergymeasure.launch.runners.running import running

CHILD = ("-m", "llenergymeasure.launch.child")


class Start(Protocol):
    """Starts the child of a request."""

    def __call__(
        self, folder: Path, log: Path, *, others: Callable[[], Iterable[int]]
    ) -> AbstractContextManager[Child]:
        """The child that measures what the request in a folder asks for; it has ended when the block ends.

        Args:
            folder: the folder of the request.
            log: file for its output.
            others: process ids that belong to it but may have left its group.
        """


@dataclass(frozen=True)
class Terms:
    """How the children of one request are run.

    Attributes:
        runner: where the children run.
        start: starts a single child; None = as a new interpreter. Several ranks are started by torch's launcher.
        windows: the number of windows, when it is known before the start; None = windows are requested one by one.
        time_limit_s: seconds after which the children are ended and have failed; None = no limit.
        log: file for their output, which remains; None = it is removed with the folder of the request.
    """

    runner: Runner = LOCAL
    start: Start | None = None
    windows: int | None = None
    time_limit_s: float | None = None
    log: Path | None = None


AS_NEEDED = Terms()


def spawned(runner: Runner, environ: Mapping[str, str]) -> Start:
    """Start the child as a new interpreter of a runner."""

    def start(folder: Path, log: Path, *, others: Callable[[], Iterable[int]]) -> AbstractContextManager[Child]:
        return running(runner, [*CHILD, str(folder)], folder, log, environ, others)

    return start


def with_torch_launcher(runner: Runner, environ: Mapping[str, str], count: int) -> Start:
    """Start this number of ranks of a runner, which share the cores of this machine."""

    def start(folder: Path, log: Path, *, others: Callable[[], Iterable[int]]) -> AbstractContextManager[Child]:
        return running(runner, launcher_arguments(folder, count), folder, log, shared_cores(environ, count), others)

    return start
