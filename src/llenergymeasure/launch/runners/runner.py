"""A runner says where the program of a child process runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from llenergymeasure.exceptions import Finding


@dataclass(frozen=True)
class Command:
    """What to start.

    Attributes:
        arguments: the program and its arguments.
        environ: its environment.
        ended: a command that ends what the program may have left when it was killed; empty = none.
    """

    arguments: tuple[str, ...]
    environ: Mapping[str, str]
    ended: tuple[str, ...] = ()


class Runner(Protocol):
    """A place where Python programs of this package run. Equal runners are the same place, and they can be hashed."""

    @property
    def name(self) -> str:
        """As written: `local`, `python:/opt/vllm/bin/python`."""

    @property
    def is_local(self) -> bool:
        """Whether it is the environment of this process, so that an experiment may also run in this process."""

    @property
    def can_fork(self) -> bool:
        """Whether a fork server that was started there can pass file descriptors and process ids to this process."""

    @property
    def watches_owner(self) -> bool:
        """Whether process ids have the same meaning there as here. If not, programs there watch a lock on their folder."""

    def __hash__(self) -> int:
        """Equal runners have the same hash, so that each is asked once."""

    def command(self, arguments: Sequence[str], folder: Path | None, environ: Mapping[str, str]) -> Command:
        """The command for `python ARGUMENTS` there.

        Args:
            arguments: the arguments of Python.
            folder: a folder that the program reads and writes; None = none.
            environ: the environment of this process.
        """

    def image(self, environ: Mapping[str, str]) -> str | None:
        """The image of its containers, by its digest; None where it uses none."""

    def findings(self, environ: Mapping[str, str]) -> tuple[Finding, ...]:
        """Why programs of this release cannot run there: those of the first check that fails.

        Args:
            environ: the environment of this process.
        """
