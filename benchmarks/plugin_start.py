"""The time that a plugin adds to a start of pytest: python benchmarks/plugin_start.py MODULE NAME PAIRS, in a folder with one test.

Prints CPU milliseconds, one pair per line: pytest with the plugin and its import, and pytest without the plugin, alternately in
one process. The times of whole processes vary by ten times the effect.
"""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable
from importlib import import_module

import pytest


def main(module: str, name: str, pairs: str) -> None:
    imported = cpu_ms(lambda: import_module(module))
    options = ["-q", "-p", "no:cacheprovider"]

    def start(*more: str) -> float:
        return cpu_ms(lambda: pytest.main([*options, *more]))

    start(), start("-p", f"no:{name}")
    for _ in range(int(pairs)):
        with_it, without = start(), start("-p", f"no:{name}")
        print(imported + with_it, without)


def cpu_ms(call: Callable[[], object]) -> float:
    with contextlib.redirect_stdout(io.StringIO()):
        begun = time.thread_time()
        call()
        return 1000 * (time.thread_time() - begun)


if __name__ == "__main__":
    main(*sys.argv[1:])
