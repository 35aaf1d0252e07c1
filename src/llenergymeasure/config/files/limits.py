"""How large a YAML document is once its aliases are expanded, counted while it is read.

Ten lists of ten aliases each are 10^10 values in a kilobyte of text: counting needs no memory, expanding does.
"""

from __future__ import annotations

from dataclasses import dataclass

# Each takes about 60 microseconds to compose: this many take 1.5 s.
MAX_NODES = 25_000
MAX_DEPTH = 50


class TooMuchError(ValueError):
    """A document goes over a limit, or an alias stands inside of itself.

    Attributes:
        problem: which, with its number.
        cure: what to write instead.
    """

    def __init__(self, problem: str, cure: str) -> None:
        self.problem, self.cure = problem, cure
        super().__init__(f"{problem}; {cure}")


@dataclass
class _Open:
    """A node whose end has not been read. `height`: levels from here down, itself included."""

    anchor: str | None
    nodes_before: int
    height: int = 1


@dataclass(frozen=True)
class _Extent:
    """What stands behind an anchor, expanded."""

    nodes: int
    height: int


class SizeCounter:
    """Counts nodes and levels of one document."""

    def __init__(self) -> None:
        self._nodes = 0
        self._open: list[_Open] = []
        self._anchored: dict[str, _Extent] = {}

    def enter(self, anchor: str | None) -> None:
        """A node begins.

        Raises:
            TooMuchError: one node or level too many.
        """
        self._open.append(_Open(anchor, self._nodes))
        self._add(nodes=1, levels=0)

    def leave(self) -> None:
        """The node that began last ends."""
        ended = self._open.pop()
        if ended.anchor is not None:
            self._anchored[ended.anchor] = _Extent(self._nodes - ended.nodes_before, ended.height)
        self._raise_parent(ended.height)

    def alias(self, anchor: str) -> None:
        """An alias stands for everything behind its anchor; one that is not known counts nothing.

        Raises:
            TooMuchError: expanded it goes over a limit, or for ever.
        """
        if any(node.anchor == anchor for node in self._open):
            raise TooMuchError(f"alias *{anchor} stands inside of itself", "write it out")
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
            raise TooMuchError(f"nested too deeply, at most {MAX_DEPTH} levels", "write it flatter")
