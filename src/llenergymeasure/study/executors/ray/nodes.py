"""What must be true of the nodes of a Ray cluster before a study runs on them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llenergymeasure.exceptions import Finding
from llenergymeasure.study.executors.ray.child import Answer

# Of an answer that is no answer, this much is shown.
MOST_SHOWN = 300


@dataclass(frozen=True)
class Node:
    """A node of the cluster.

    Attributes:
        id: Ray's id.
        name: its host name and address.
        cpus, gpus: what it has, used or not.
    """

    id: str
    name: str
    cpus: float
    gpus: float


@dataclass(frozen=True)
class Wanted:
    """What one cycle needs of a node.

    Attributes:
        gpus: number of GPUs.
        cpus: number of CPUs.
    """

    gpus: int
    cpus: float

    def __str__(self) -> str:
        return f"{self.gpus} GPUs and {self.cpus:g} CPUs"


def usable(nodes: Sequence[Node], wanted: Wanted) -> tuple[Node, ...]:
    """The nodes that can make a cycle."""
    return tuple(node for node in nodes if node.gpus >= wanted.gpus and node.cpus >= wanted.cpus)


def wanted_of(nodes: Sequence[Node], gpus: int | None, cpus: float | None) -> Wanted:
    """What one cycle needs.

    Args:
        nodes: the nodes of the cluster.
        gpus: number of GPUs; None = all GPUs of a node.
        cpus: number of CPUs; None = one beside GPUs, and all CPUs of a node without GPUs, so that a run has a node for itself.
    """
    if gpus is None:
        gpus = int(min((node.gpus for node in nodes if node.gpus), default=0))
    if cpus is None:
        cpus = 1 if gpus else min((node.cpus for node in nodes if node.cpus), default=1)
    return Wanted(gpus, cpus)


def no_room(nodes: Sequence[Node], wanted: Wanted) -> Finding:
    """No node can make a cycle, now or later."""
    there = "; ".join(f"{node.name} has {Wanted(int(node.gpus), node.cpus)}" for node in nodes) or "it has no nodes"
    return Finding(
        f"a cycle needs {wanted} on one node, and no node of the Ray cluster has them: {there}",
        "add such a node, or lower --gpus-per-run or --executor-option cpus_per_run",
    )


@dataclass(frozen=True)
class Here:
    """What the nodes are compared with.

    Attributes:
        versions: versions of Python, Ray and this package.
        folder: the folder of the results.
        mark: content of the file that was written into it.
    """

    versions: Mapping[str, str | None]
    folder: str
    mark: str


def node_findings(node: Node, answer: Answer | str, here: Here) -> Iterator[Finding]:
    """What prevents a cycle on a node.

    Args:
        node: the node.
        answer: how the program `question` ended there; or why there is no answer.
        here: what it is compared with.
    """
    if isinstance(answer, str):
        yield Finding(f"node {node.name} of the Ray cluster does not answer: {answer}", _LOOK)
        return
    found = _read(answer)
    if found is None:
        said = (answer.errors or answer.output).strip()[-MOST_SHOWN:]
        yield Finding(
            f"Python on node {node.name} of the Ray cluster ended with exit code {answer.code}: {said}", _LOOK
        )
        return
    yield from _other_versions(node, found["versions"], here.versions)
    if found["seen"] != here.mark:
        yield Finding(
            f"node {node.name} of the Ray cluster does not see the files that this machine writes into {here.folder}",
            "choose an --output on a disk that every node mounts at the same path",
        )


_LOOK = "look at the node with `ray status`, and at its Python; or remove it from the cluster"


def _read(answer: Answer) -> dict[str, Any] | None:
    try:
        found = json.loads(answer.output.strip().splitlines()[-1])
        return found if {"versions", "seen"} <= set(found) else None
    except (ValueError, IndexError, TypeError):
        return None


def _other_versions(node: Node, there: Mapping[str, str | None], here: Mapping[str, str | None]) -> Iterator[Finding]:
    for name, wanted in here.items():
        found = there.get(name)
        if found == wanted:
            continue
        fix = "use the same Python on every node" if name == "python" else f'there: pip install "{name}=={wanted}"'
        what = f"has no {name}" if found is None else f"has {name} {found}"
        yield Finding(f"node {node.name} of the Ray cluster {what}, and this machine has {name} {wanted}", fix)
