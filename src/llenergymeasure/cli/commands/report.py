"""`llem report`: writes the report of a stored study or result into its folder."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from llenergymeasure._api.report import Written, write_report
from llenergymeasure.cli.terminal import Screen


def command(folder: Path, limits: Sequence[str], margin: str | None) -> int:
    """Write the report, and print the answer and where the files are. Returns the exit code."""
    Screen(sys.stdout).say(text_of(write_report(folder, limits, margin)))
    return 0


def text_of(written: Written) -> str:
    """The answer of a study, and where the files are."""
    lines = [written.answer] if written.answer else []
    lines.append(f"report: {written.page}")
    lines += [f"figures: {written.figures}"] if written.figures else []
    lines += [f"tables: {written.tables}"] if written.tables else []
    return "\n".join(lines)
