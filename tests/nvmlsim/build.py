"""Compiles the library with the system's C compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

SONAME = "libnvidia-ml.so.1"
SOURCE = Path(__file__).with_name("nvmlsim.c")
FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden")


class Unbuildable(Exception):
    """There is no compiler, or it failed; the text says which."""


def build_library(folder: Path) -> Path:
    """Compile into a folder and return the library.

    Raises:
        Unbuildable: it cannot be.
    """
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise Unbuildable("no C compiler (cc, gcc or clang) to build the simulated NVML with; apt install gcc")
    library = folder / SONAME
    command = [compiler, *FLAGS, f"-Wl,-soname,{SONAME}", "-o", str(library), str(SOURCE), "-lm", "-lpthread"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise Unbuildable(f"{compiler} cannot build the simulated NVML: {done.stderr[-2000:]}")
    return library
