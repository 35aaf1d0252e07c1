"""Prints what a container shows to its programs, as one line of JSON: `python look_inside.py FOLDER`.

Its text is passed to the interpreter of an image, which may not have this package.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import sys
from pathlib import Path


def is_locked(path: Path) -> bool:
    """Whether a process outside the container holds the lock on a file."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return path.exists()
    return False


def is_written(path: Path) -> bool:
    """Whether a file can be written."""
    try:
        path.touch()
    except OSError:
        return False
    return True


def has_library(name: str) -> bool:
    """Whether a library can be loaded."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    found = {
        "folder": (folder / "owner").exists(),
        "locked": is_locked(folder / "owner"),
        "written": is_written(folder / "written"),
        "gpus": len([*Path("/dev").glob("nvidia[0-9]*"), *Path("/dev").glob("dxg")]),
        "nvml": has_library("libnvidia-ml.so.1"),
    }
    sys.stdout.write("\n" + json.dumps(found) + "\n")
