"""The page "Your first study", command by command, with the example that it shows."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "first-study.md"
# What the output of each command must contain, in the order of the page.
SHOWS = [
    "18 runs: 3 cycles",
    "report.html",
    "18 runs, 0 of them left",
    "run 30 of 30",
    "36 runs: 3 cycles",
]


def commands() -> list[list[str]]:
    return [shlex.split(line)[1:] for line in re.findall(r"^llem .*$", PAGE.read_text(), re.MULTILINE)]


@pytest.mark.slow
@pytest.mark.torch
def test_every_command_of_the_page_does_what_the_page_says(tmp_path):
    shutil.copy(ROOT / "examples" / "batch_size_sweep.yaml", tmp_path / "study.yaml")
    outputs = []
    for command in commands():
        ran = subprocess.run(
            [sys.executable, "-m", "llenergymeasure", *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        outputs.append(ran.stdout + ran.stderr)
    assert len(outputs) == len(SHOWS)
    assert [words in text for words, text in zip(SHOWS, outputs)] == [True] * len(SHOWS), outputs
