"""A program of this package that a runner runs, from its start to its end."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from llenergymeasure.core.machine.signals import uninterrupted
from llenergymeasure.launch.exchange.owner import owned
from llenergymeasure.launch.process import Child, started
from llenergymeasure.launch.runners.completed import completed
from llenergymeasure.launch.runners.runner import Command, Runner

# Ending a container takes a few seconds; an engine that hangs is not waited for longer.
END_LIMIT_S = 30.0
# The exit codes of a program that ended by itself. Any other may be that of a client whose container still runs.
BY_ITSELF = (0, 1)


@contextmanager
def running(
    runner: Runner,
    arguments: Sequence[str],
    folder: Path,
    log: Path,
    environ: Mapping[str, str],
    others: Callable[[], Iterable[int]] = tuple,
) -> Iterator[Child]:
    """`python ARGUMENTS` of a runner; it and what it has started have ended when the block ends.

    Args:
        runner: the runner.
        arguments: the arguments of Python.
        folder: the folder that the program reads and writes.
        log: file for its output.
        environ: the environment of this process.
        others: process ids that belong to it but may have left its group; unused where ids have another meaning.
    """
    with ExitStack() as kept:
        if not runner.watches_owner:
            kept.enter_context(owned(folder))
        command = runner.command(arguments, folder, environ)
        ours = others if runner.watches_owner else tuple
        with started(command.arguments, command.environ, log, others=ours) as child:
            kept.callback(_end, child, command)
            yield child


def _end(child: Child, command: Command) -> None:
    """End what the program has left. It is called after the program has ended."""
    if command.ended and child.exit_code not in BY_ITSELF:
        with uninterrupted(), suppress(OSError, subprocess.TimeoutExpired):
            completed(command.ended, command.environ, END_LIMIT_S, new_session=True)
