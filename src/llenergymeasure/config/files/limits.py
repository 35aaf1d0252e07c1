"""The size of a YAML document with its aliases expanded, counted while it is read.

Ten lists of ten aliases each hold 10^10 values in a kilobyte of text. Counting them needs no memory; expanding does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

# Composing one node takes about 60 microseconds, so this many take 1.5 s.
MAX_NODES = 25_000
MAX_DEPTH = 50


class TooMuchError(ValueError):
    """A document exceeds a limit, or an alias refers to a node that contains it.

    Attributes:
        problem: which limit, with its value.
        fix: what to write instead.
    """

    def __init__(self, problem: str, fix: str) -> None:
        self.problem, self.fix = problem, fix
        super().__init__(f"{problem}; {fix}")


@dataclass
class _Open:
    """A node whose end has not been read. `height`: levels from here down, itself included."""

    anchor: str | None
    nodes_before: int
    height: int = 1


class _Extent(NamedTuple):
    """The size of an anchored node with its aliases expanded."""

    nodes: int
    height: int


class SizeCounter:
    """Counts nodes and levels of one document."""

    def __init__(self) -> None:
        self._nodes = 0
        self._open: list[_Open] = []
        self._anchored: dict[str, _Extent] = {}

    def enter(self, anchor: str | None) -> None:
        """Count a node that begins.

        Raises:
            TooMuchError: the node exceeds a limit.
        """
        self._open.append(_Open(anchor, self._nodes))
        self._add(nodes=1, levels=0)

    def leave(self) -> None:
        """Close the node that began last."""
        ended = self._open.pop()
        if ended.anchor is not None:
            self._anchored[ended.anchor] = _Extent(self._nodes - ended.nodes_before, ended.height)
        self._raise_parent(ended.height)

    def alias(self, anchor: str) -> None:
        """Count everything that an alias refers to; an unknown alias counts nothing.

        Raises:
            TooMuchError: the expanded alias exceeds a limit, or contains itself.
        """
        if any(node.anchor == anchor for node in self._open):
            raise TooMuchError(f"alias *{anchor} contains itself", "write it out")
        extent = self._anchored.get(anchor)
        if extent is not None:
            self._add(extent.nodes, extent.height)
            self._raise_parent(extent.height)

    def _raise_parent(self, height: int) -> None:
        if self._open:
            self._open[-1].height = max(self._open[-1].height, 1 + height)

    def _add(self, nodes: int, levels: int) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise TooMuchError(f"its values and aliases expand to more than {MAX_NODES}", "write a smaller file")
        if len(self._open) + levels > MAX_DEPTH:
            raise TooMuchError(f"nested too deeply, at most {MAX_DEPTH} levels", "use fewer levels")
