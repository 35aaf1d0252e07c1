"""The tutorial of docs/pytest-plugin.md, line by line: its files are written, its commands run, its output is compared."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.torch, pytest.mark.slow]

PAGE = Path(__file__).parents[3] / "docs" / "pytest-plugin.md"
FILE = re.compile(r"^`(?P<name>[^`]+)`:\n\n```\w+\n(?P<content>.*?)^```$", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```console\n(?P<lines>.*?)^```$", re.MULTILINE | re.DOTALL)


def tutorial() -> str:
    """The section, from its heading to the next one."""
    text = PAGE.read_text(encoding="utf-8")
    return text[text.index("## Tutorial") :].split("\n## ", 1)[0]


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Each command, with the lines that the page shows of its output."""
    for block in CONSOLE.finditer(text):
        for part in ("\n" + block["lines"]).split("\n$ ")[1:]:
            command, *output = part.splitlines()
            yield command, output


@pytest.fixture
def shell(tmp_path, quick):
    """Runs a command in an empty folder; `pytest` is that of this environment."""
    programs, folder = tmp_path / "bin", tmp_path / "tutorial"
    programs.mkdir()
    folder.mkdir()
    (programs / "pytest").write_text(f'#!/bin/sh\nexec {quick.python} -m pytest -p no:cacheprovider "$@"\n')
    (programs / "pytest").chmod(0o755)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    environ["PATH"] = f"{programs}{os.pathsep}{environ['PATH']}"

    def run(command):
        return subprocess.run(
            command, shell=True, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=240
        )

    run.folder = folder
    return run


def test_the_tutorial_ends_in_a_gate_that_catches_20_per_cent_and_passes_2_per_cent(shell):
    text = tutorial()
    for file in FILE.finditer(text):
        (shell.folder / file["name"]).write_text(file["content"])
    ran = []
    for command, output in commands(text):
        done = shell(command)
        shown = done.stdout + done.stderr
        assert [line for line in output if line not in shown] == [], shown
        assert done.returncode == int("1 failed" in output), shown
        ran.append((command, done.returncode))
    assert len(ran) == 11
    assert [code for command, code in ran if "small.json" in command and "pytest" in command] == [0]
    assert [code for command, code in ran if "large.json" in command and "pytest" in command] == [1]


def test_it_shows_what_it_says():
    joules = {name: values for values, name in re.findall(r"\[([\d., ]+)\]\}\}' > (\w+)\.json", tutorial())}
    means = {name: sum(map(float, values.split(", "))) / len(values.split(", ")) for name, values in joules.items()}
    usual = sum(means[f"day{day}"] for day in (1, 2, 3)) / 3
    assert means["small"] / usual == pytest.approx(1.02, abs=0.003)
    assert means["large"] / usual == pytest.approx(1.20, abs=0.003)
