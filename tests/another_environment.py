"""Virtual environments without pip, made in a fraction of a second. They see the packages of the running interpreter, or none."""

from __future__ import annotations

import site
import stat
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

import llenergymeasure

SOURCES = Path(llenergymeasure.__file__).parents[1]
PACKAGES = [*dict.fromkeys(sysconfig.get_paths()[kind] for kind in ("purelib", "platlib"))]
# This package and the packages of the running interpreter.
EVERYTHING = [str(SOURCES), *PACKAGES, *site.getsitepackages()]


def environment(folder: Path, paths: Sequence[str | Path] = EVERYTHING) -> Path:
    """A virtual environment that finds modules in these folders. Returns its interpreter."""
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
    release = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (folder / "lib" / release / "site-packages" / "others.pth").write_text("".join(f"{path}\n" for path in paths))
    return folder / "bin" / "python"


def release(folder: Path, version: str) -> Path:
    """A folder with a package of our name and this version."""
    package = folder / "llenergymeasure"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "_version.py").write_text(f'__version__ = "{version}"\n')
    return folder


def script(path: Path, text: str) -> Path:
    """A program of the shell."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path
