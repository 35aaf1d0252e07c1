"""Hands the cycles of a study to a Ray cluster.

```
 check the nodes . for each cycle: an actor with its GPUs . the worker as a child of the actor
```

The worker gets the working folder and the environment of this process, and the GPUs that Ray gives. It ends with its actor, and
actors end with this process. A cycle whose node or actor died is lost, and the head submits it again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Protocol
from uuid import uuid4

from llenergymeasure._files import ensure_directory, explained
from llenergymeasure.exceptions import Finding, PreFlightError
from llenergymeasure.study.executors.executor import ExecutorContext, Status, worker_command
from llenergymeasure.study.executors.ray import question
from llenergymeasure.study.executors.ray.child import Answer, Program
from llenergymeasure.study.executors.ray.nodes import Here, Node, Wanted, no_room, node_findings, usable, wanted_of
from llenergymeasure.study.executors.ray.options import LOCAL, RayOptions, options_from
from llenergymeasure.study.executors.task import log_file


class Cluster(Protocol):
    """A connection to a cluster: `door.RayCluster`, or a fake one."""

    def nodes(self) -> tuple[Node, ...]:
        """The nodes that are alive."""

    def ask(self, nodes: Sequence[Node], program: Program) -> Mapping[str, Answer | str]:
        """How a short program ended on each node, or why there is no answer, by the id of the node."""

    def start(self, handle: str, program: Program, wanted: Wanted) -> None:
        """Start a program as soon as a node has what it needs."""

    def status(self, handle: str) -> Status:
        """The status of a program that was started."""

    def stop(self, handles: Sequence[str]) -> None:
        """End programs that were started."""

    def close(self) -> None:
        """Leave the cluster."""


class RayExecutor:
    """The executor `ray`.

    Args:
        cluster: the connection.
        wanted: what one cycle needs of a node.
        context: how many cycles run at the same time, the environment and the interpreter of the workers.
        folder: the working folder of the workers.
    """

    name = "ray"
    outlives = False

    def __init__(self, cluster: Cluster, wanted: Wanted, context: ExecutorContext, folder: Path) -> None:
        self._cluster, self._wanted, self._parallel = cluster, wanted, context.parallel
        self._folder, self._environ = str(folder), dict(context.environ)
        self._interpreter = None if context.interpreter == sys.executable else context.interpreter
        self._held_back: dict[str, Path] = {}
        self._status: dict[str, Status] = {}

    def submit(self, tasks: Sequence[Path]) -> list[str]:
        submitted = {f"{task.stem}-{uuid4().hex[:8]}": task for task in tasks}
        self._held_back |= submitted
        self._status |= dict.fromkeys(submitted, "waiting")
        self._start_next()
        return list(submitted)

    def poll(self, handles: Sequence[str]) -> dict[str, Status]:
        for handle, status in self._status.items():
            if handle not in self._held_back and status in ("waiting", "running"):
                self._status[handle] = self._cluster.status(handle)
        self._start_next()
        return {handle: self._status.get(handle, "lost") for handle in handles}

    def cancel(self, handles: Sequence[str]) -> None:
        open_ones = [handle for handle in handles if self._status.get(handle) in ("waiting", "running")]
        begun = [handle for handle in open_ones if self._held_back.pop(handle, None) is None]
        self._cluster.stop(begun)
        self._status |= dict.fromkeys(open_ones, "ended")
        self._start_next()

    def check_nodes(self, nodes: Sequence[Node], results: Path) -> None:
        """Check that nodes have the same versions, and see what is written into the folder of the results.

        Raises:
            ConfigError: the folder cannot be written.
            PreFlightError: with every finding.
        """
        here = Here(question.versions(), str(results.resolve()), uuid4().hex)
        with mark_in(results, here.mark) as mark:
            text = Path(question.__file__).read_text(encoding="utf-8")
            program = Program(("-c", text, str(mark)), self._folder, self._environ, None, self._interpreter)
            answers = self._cluster.ask(nodes, program)
        findings = [each for node in nodes for each in node_findings(node, answers[node.id], here)]
        if findings:
            raise PreFlightError(findings)

    def close(self) -> None:
        self.cancel(list(self._status))
        self._cluster.close()

    def _start_next(self) -> None:
        """Start as many as may run at the same time. Without a limit, Ray starts them when GPUs are free."""
        for handle, task in list(self._held_back.items()):
            if self._parallel is not None and self._started() >= self._parallel:
                return
            del self._held_back[handle]
            arguments = worker_command("", task)[1:]
            program = Program(arguments, self._folder, self._environ, str(log_file(task)), self._interpreter)
            self._cluster.start(handle, program, self._wanted)

    def _started(self) -> int:
        """The number of tasks that were started and have not ended."""
        return sum(
            status in ("waiting", "running") and handle not in self._held_back
            for handle, status in self._status.items()
        )


def create(context: ExecutorContext) -> RayExecutor:
    """Connect to the cluster, and check that its nodes can make the cycles.

    Raises:
        ConfigError: an option is not valid, or the folder of the results cannot be written.
        PreFlightError: there is no cluster, or its nodes cannot make the cycles; with every finding.
    """
    context = replace(context, environ=dict(context.environ))  # of the user; Ray sets variables of its own
    options = options_from(context)
    door = _door()
    try:
        cluster = door.connected(options, note=context.progress.note)
    except door.NotConnected as error:
        raise PreFlightError([not_connected(options, str(error))]) from error
    try:
        return checked(cluster, options, context, Path.cwd())
    except BaseException:
        cluster.close()
        raise


def _door() -> ModuleType:
    """The module that imports Ray.

    Raises:
        PreFlightError: Ray cannot be imported. It imports the bindings of every vendor's GPUs, which may fail in ways of their own.
    """
    try:
        from llenergymeasure.study.executors.ray import door  # noqa: PLC0415 - Ray takes a second, and is optional
    except (ImportError, KeyError, AttributeError, OSError) as error:
        raise PreFlightError([not_imported(error)]) from error
    return door


def not_imported(error: Exception) -> Finding:
    """Ray is installed and cannot be imported."""
    return Finding(
        f"Ray cannot be imported: {type(error).__name__}: {error}",
        "without AMD GPUs, amdsmi is one cause, which zeus installs: pip uninstall amdsmi; otherwise install Ray again",
    )


def not_connected(options: RayOptions, reason: str) -> Finding:
    """There is no connection to the cluster."""
    if options.address == LOCAL:
        return Finding(
            f"Ray cannot be started on this machine: {reason}", "lower num_cpus or num_gpus, or leave them out"
        )
    start = "GRPC_ENABLE_FORK_SUPPORT=0 ray start --head" if options.is_client else "ray start --head"
    return Finding(
        f"there is no connection to the Ray cluster at '{options.address}': {reason}",
        f"start a cluster with `{start}`, or name another one with --executor-option address=ADDRESS; "
        "address=local starts one on this machine for this study",
    )


def checked(cluster: Cluster, options: RayOptions, context: ExecutorContext, folder: Path) -> RayExecutor:
    """The executor, when the nodes of a cluster can make the cycles.

    Args:
        cluster: the connection.
        options: what a run takes of its node.
        context: of the study.
        folder: the working folder.

    Raises:
        ConfigError: the folder of the results cannot be written.
        PreFlightError: no node has the resources, or a node that has them lacks something else; with every finding.
    """
    nodes = cluster.nodes()
    wanted = wanted_of(nodes, context.gpus_per_run, options.cpus_per_run)
    fit = usable(nodes, wanted)
    if not fit:
        raise PreFlightError([no_room(nodes, wanted)])
    executor = RayExecutor(cluster, wanted, context, folder)
    executor.check_nodes(fit, context.results or folder)
    return executor


@contextmanager
def mark_in(results: Path, text: str) -> Iterator[Path]:
    """A file in the folder of the results that the nodes look for; it is removed, and so is the folder if it is new.

    Raises:
        ConfigError: the folder cannot be written.
    """
    is_new = not results.exists()
    ensure_directory(results)
    mark = results.resolve() / f".{text}.mark"
    with explained(results):
        mark.write_text(text, encoding="ascii")
    try:
        yield mark
    finally:
        mark.unlink(missing_ok=True)
        if is_new:
            with suppress(OSError):
                results.rmdir()
