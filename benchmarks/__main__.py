"""`python -m benchmarks [NAME ...]`: prints a table with one line per figure and its target. `--write FILE` writes it as a page."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.page import write
from benchmarks.pairs import Line, Row

BENCHMARKS = (
    "startup", "overhead", "vllm_engine", "isolation", "judge", "aggregation", "sweep", "study_size", "study_power", "study_runs",
    "local_cycles", "ray_cycles", "slurm_cycles", "server_streams", "sampler", "accuracy",
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Run the benchmarks; exit code 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table as a page, too")
    options = parser.parse_args(arguments)
    load = os.getloadavg()[0]
    print(f"{'figure':<58} {'median':>8}     {'range':<18} {'target':<10}")
    rows: list[tuple[str, Row | Line]] = []
    for name in options.names or BENCHMARKS:
        for row in import_module(f"benchmarks.{name}").rows():
            print(row, flush=True)
            rows.append((name, row))
    if options.write is not None:
        names = " ".join(options.names)
        command = f"python -m benchmarks {names} --write {options.write}" if names else "make bench"
        write(options.write, rows, load, command)
    return 1 if any(not row.kept for _, row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
