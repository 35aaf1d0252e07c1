"""`python -m benchmarks [NAME ...]`: one table, one line per figure, with its target."""

from __future__ import annotations

import sys
from importlib import import_module

BENCHMARKS = ("startup", "overhead", "judge")


def main(names: list[str]) -> int:
    print(f"{'figure':<58} {'median':>8}     {'range':<18} {'target':<10}")
    missed = 0
    for name in names or BENCHMARKS:
        for row in import_module(f"benchmarks.{name}").rows():
            print(row, flush=True)
            missed += not row.kept
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
