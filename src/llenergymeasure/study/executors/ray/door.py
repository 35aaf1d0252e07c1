"""The only module that imports Ray. It returns nodes, answers and states; Ray's errors end here."""

from __future__ import annotations

import logging
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray._private import worker
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from llenergymeasure._files import launch_prefix
from llenergymeasure.core.machine.signals import handlers_kept
from llenergymeasure.study.executors.executor import Status
from llenergymeasure.study.executors.ray import child
from llenergymeasure.study.executors.ray.child import Answer, OnNode, Program
from llenergymeasure.study.executors.ray.nodes import Node, Wanted
from llenergymeasure.study.executors.ray.options import RayOptions

# A node that was idle starts a process and imports Ray there; on a slow network disk this takes a minute.
ANSWER_S = 120.0
# A worker ends the run in progress and its processes, and records it, within this time; then it is killed.
GRACE_S = 25.0
# Who may use a local cluster. Ray remembers the first token of a process.
_TOKEN = secrets.token_hex(32)
# Errors of a connection. Ray also raises plain `Exception`, as when a node starts too slowly.
_REASONS = (RayError, ConnectionError, ImportError, OSError, RuntimeError, ValueError)
# The head starts a process for each client of `ray://`. With grpcio 1.85, about one in ten of those for the first client of a head
# died before its program began (https://github.com/grpc/grpc/issues/43055), and Ray does not start another.
CLIENT_TRIES = 5
# No data is moved by Ray, which otherwise reserves a share of the memory; less than 80 MB is refused.
OBJECTS_BYTES = 100_000_000
# Sockets have paths of at most 107 bytes, and Ray adds this many to its folder.
_RAY_ADDS, _LONGEST_SOCKET = 64, 107


class NotConnected(Exception):
    """There is no connection to the cluster; the text says why."""


@dataclass
class _Task:
    """A program on the cluster: its actor, whether the actor was started, and the exit code that will come."""

    actor: Any
    began: Any
    code: Any
    known: Status | None = field(default=None)


class RayCluster:
    """A connection to a cluster. Make it with `connected`.

    Args:
        at_end: what is undone when the connection is closed.
    """

    def __init__(self, at_end: ExitStack) -> None:
        self._at_end = at_end
        self._tasks: dict[str, _Task] = {}

    def nodes(self) -> tuple[Node, ...]:
        """The nodes that are alive."""
        return tuple(_node(each) for each in ray.nodes() if each["Alive"])

    def ask(self, nodes: Sequence[Node], program: Program) -> dict[str, Answer | str]:
        """Run a short program on each node. Returns how it ended by the node's id, or why there is no answer."""
        asked = {node.id: _asked(node, program) for node in nodes}
        ray.wait(list(asked.values()), num_returns=len(asked), timeout=ANSWER_S)
        return {name: _answered(reference) for name, reference in asked.items()}

    def start(self, handle: str, program: Program, wanted: Wanted) -> None:
        """Start a program as soon as a node has what it needs."""
        actor = (
            ray.remote(OnNode)
            .options(
                num_gpus=wanted.gpus, num_cpus=wanted.cpus, max_concurrency=2, max_restarts=0, max_task_retries=0,
                scheduling_strategy="SPREAD",
            )
            .remote()
        )  # fmt: skip
        began = actor.is_there.remote()
        self._tasks[handle] = _Task(actor, began, actor.run.remote(program))

    def status(self, handle: str) -> Status:
        """The state of a program."""
        task = self._tasks[handle]
        if task.known is not None:
            return task.known
        if not _is_ready(task.code):
            return "running" if _is_ready(task.began) else "waiting"
        task.known = _ending(task.code)
        _kill(task)  # it holds its GPUs until then
        return task.known

    def stop(self, handles: Sequence[str]) -> None:
        """End programs; they have ended, or their processes are being killed, when this returns."""
        tasks = [task for task in map(self._tasks.__getitem__, handles) if task.known is None]
        running = [task for task in tasks if _is_ready(task.began)]
        with suppress(RayError):
            stopped = [task.actor.stop.remote(GRACE_S) for task in running]
            if stopped:
                ray.wait(stopped, num_returns=len(stopped), timeout=2 * GRACE_S)
        for task in tasks:
            task.known = "ended"
            _kill(task)

    def close(self) -> None:
        """Leave the cluster; a local one ends."""
        self._at_end.close()


def connected(
    options: RayOptions, init: Callable[..., object] = ray.init, note: Callable[[str], None] = lambda _text: None
) -> RayCluster:
    """Connect to a cluster, or start one on this machine that ends with this process.

    Args:
        options: of the executor.
        init: Ray's own connection.
        note: receives a sentence for the user when the head is asked again.

    Raises:
        NotConnected: there is none, its versions of Python or Ray are others, or Ray failed.
    """
    ray.cloudpickle.register_pickle_by_value(child)
    with ExitStack() as stack:
        stack.enter_context(_same_environment())
        stack.enter_context(_quiet())
        local = _of_local(options, stack) if options.is_local else {}
        stack.callback(ray.shutdown)
        try:
            with handlers_kept():
                _initialised(
                    lambda: init(options.address, log_to_driver=False, logging_level=logging.ERROR, **local), note
                )
        except Exception as error:
            if type(error) is not Exception and not isinstance(error, _REASONS):
                raise
            raise NotConnected(_first_line(error)) from error
        return RayCluster(stack.pop_all())


def _initialised(init: Callable[[], object], note: Callable[[str], None]) -> None:
    """Initialise Ray, again while the head has not started its process for this client."""
    for attempt in range(1, CLIENT_TRIES + 1):
        try:
            init()
            return
        except ConnectionAbortedError as error:  # only Ray's client raises it
            if attempt == CLIENT_TRIES:
                raise
            ray.shutdown()
            note(f"Ray's head is asked again ({attempt + 1} of {CLIENT_TRIES}): {_first_line(error)}")


def _of_local(options: RayOptions, stack: ExitStack) -> dict[str, Any]:
    """Arguments of a local cluster. Without a token in the environment, Ray writes one into the home directory."""
    os.environ.setdefault("RAY_AUTH_TOKEN", _TOKEN)
    # Else Ray waits without a limit until it has a process for each CPU (https://github.com/ray-project/ray/issues/40131).
    os.environ.setdefault("RAY_prestart_worker_first_driver", "0")
    return {
        "num_cpus": options.num_cpus, "num_gpus": options.num_gpus, "include_dashboard": False,
        "object_store_memory": OBJECTS_BYTES, "_temp_dir": str(stack.enter_context(_guarded_folder())),
    }  # fmt: skip


@contextmanager
def _guarded_folder() -> Iterator[Path]:
    """A folder for a local cluster. After the block, or the end of this process, nothing uses it and it is removed."""
    folder = Path(tempfile.mkdtemp(prefix=launch_prefix())).resolve()
    if len(str(folder).encode()) + _RAY_ADDS > _LONGEST_SOCKET:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix=launch_prefix(), dir="/tmp"))
    command = [sys.executable, "-m", "llenergymeasure.study.executors.ray.guard", str(folder)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, start_new_session=True) as guard:
        try:
            yield folder
        finally:
            assert guard.stdin is not None
            guard.stdin.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Ray prints to stdout that an actor or a node has ended, also without `log_to_driver`; the study says which cycle was lost."""
    before = worker.print_to_stdstream
    worker.print_to_stdstream = lambda *_data, **_how: None
    try:
        yield
    finally:
        worker.print_to_stdstream = before


@contextmanager
def _same_environment() -> Iterator[None]:
    """Put back the variables of this process, of which Ray sets some."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ |= before


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "cause", None)  # of an error in a function on a node
    inner = cause if isinstance(cause, BaseException) else error
    lines = str(inner).strip().splitlines() or [type(inner).__name__]
    return f"{lines[0]} {lines[-1]}" if lines[0].endswith(":") and len(lines) > 1 else lines[0]


def _node(described: Mapping[str, Any]) -> Node:
    resources = described["Resources"]
    name, address = described.get("NodeManagerHostname"), described.get("NodeManagerAddress")
    return Node(described["NodeID"], f"{name} ({address})", resources.get("CPU", 0), resources.get("GPU", 0))


def _asked(node: Node, program: Program) -> Any:
    there = NodeAffinitySchedulingStrategy(node.id, soft=False)
    question = ray.remote(child.answer_of).options(num_cpus=0, max_retries=0, scheduling_strategy=there)
    return question.remote(program, ANSWER_S / 2)


def _answered(reference: Any) -> Answer | str:
    if not _is_ready(reference):
        return f"nothing came within {ANSWER_S:g} s"
    try:
        answer: Answer = ray.get(reference)
    except RayError as error:
        return _first_line(error)
    return answer


def _is_ready(reference: Any) -> bool:
    return bool(ray.wait([reference], timeout=0)[0])


def _ending(code: Any) -> Status:
    """A worker that the actor saw end is ended; one whose actor or node died is lost, and may still write for some seconds."""
    try:
        ray.get(code)
    except RayError:
        return "lost"
    return "ended"


def _kill(task: _Task) -> None:
    with suppress(RayError):
        ray.kill(task.actor, no_restart=True)
