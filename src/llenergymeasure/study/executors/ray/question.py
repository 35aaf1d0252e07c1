"""A program that a node runs with `python -c`: writes its versions, and the content of a file as the node sees it.

It needs the standard library alone: the node may lack this package, which is then part of its answer.
"""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version


def versions() -> dict[str, str | None]:
    """Versions of Python, Ray and this package; None for what is missing."""
    try:
        ray = version("ray")
    except PackageNotFoundError:
        ray = None
    try:
        from llenergymeasure._version import __version__  # noqa: PLC0415 - it may be missing
    except ImportError:
        return {"python": platform.python_version(), "ray": ray, "llenergymeasure": None}
    return {"python": platform.python_version(), "ray": ray, "llenergymeasure": __version__}


def content(path: str) -> str | None:
    """The content of a file; None when it is not seen here."""
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 - one import less
            return file.read()
    except OSError:
        return None


if __name__ == "__main__":
    print(json.dumps({"versions": versions(), "seen": content(sys.argv[1])}))  # noqa: T201 - its answer
