"""`llem compare`: prints ratios of stored results or studies, and what differs between them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from llenergymeasure._api.compare import compared
from llenergymeasure.cli.terminal import Screen


def command(folders: Sequence[Path], *, allow_different_work: bool, json: bool) -> int:
    """Compare each folder with the first, and print it. Returns the exit code."""
    Screen(sys.stdout).say(compared(folders, different_work=allow_different_work, as_json=json))
    return 0
