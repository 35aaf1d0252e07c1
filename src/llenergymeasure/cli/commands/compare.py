"""`llem compare`: prints ratios of stored results or studies, and what differs between them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from llenergymeasure._api.compare import compared


def command(folders: Sequence[Path], *, allow_different_work: bool, json: bool) -> int:
    """Compare each folder with the first, and print it. Returns the exit code."""
    print(compared(folders, different_work=allow_different_work, as_json=json))
    return 0
