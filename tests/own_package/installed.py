"""Installs the example package into a folder without pip: its modules, and the metadata that pip would write."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def install(folder: Path, name: str = "llem-copy", points: str | None = None) -> None:
    """Write a distribution; without `points` its entry points are those of pyproject.toml."""
    shutil.copytree(HERE / "llem_copy", folder / "llem_copy", dirs_exist_ok=True)
    metadata = folder / f"{name.replace('-', '_')}-0.3.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.3\n")
    (metadata / "entry_points.txt").write_text(declared() if points is None else points)


def declared() -> str:
    """The entry points of pyproject.toml, as in entry_points.txt."""
    text = (HERE / "pyproject.toml").read_text()
    tables = re.findall(r'\[project\.entry-points\."([^"]+)"\]\n((?:.+ = .+\n)+)', text)
    return "\n".join(f"[{group}]\n{lines.replace(chr(34), '')}" for group, lines in tables)


def python_path(folder: Path) -> str:
    """PYTHONPATH of a process that has the package."""
    places = [str(folder), str(ROOT / "examples"), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(filter(None, places))
