"""Other tools, each in its own virtual environment below `.cache/`, so that they do not affect ours."""

from __future__ import annotations

import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from benchmarks.pairs import ROOT

# The release whose CPU build is small; the same as in constraints.txt.
TORCH = "torch==2.13.0"


@dataclass(frozen=True)
class Peer:
    """A tool and what it needs.

    Attributes:
        name: as in the table.
        requirements: for pip; the tool first.
    """

    name: str
    requirements: tuple[str, ...]

    @property
    def home(self) -> Path:
        """Its virtual environment."""
        return ROOT / ".cache" / f"peer-{self.name.replace(' ', '-')}"

    def installed(self) -> Path | None:
        """The folder of its programs, installed if necessary; None, with a message on stderr, when that fails."""
        done = self.home / ".done"
        if not done.exists():
            venv.create(self.home, with_pip=True)
            pip = [str(self.home / "bin" / "python"), "-m", "pip", "install", "--quiet", *self.requirements]
            if subprocess.run(pip, check=False).returncode:
                print(f"{self.name} cannot be installed here: its rows are left out", file=sys.stderr)
                return None
            done.touch()
        return self.home / "bin"


PREDECESSOR = Peer("llenergymeasure 0.7.0", ("llenergymeasure==0.7.0", TORCH))
# Its last release needs transformers 4, which needs an older version of datasets.
OPTIMUM = Peer("optimum-benchmark 0.6.0", ("optimum-benchmark==0.6.0", "transformers<5", "datasets>=4,<4.5", TORCH))
PYTEST_BENCHMARK = Peer("pytest-benchmark 5.3.1", ("pytest-benchmark==5.3.1", "pytest==9.2.0"))
# What tools for load on servers are built on: aiperf on the first, guidellm on the second.
AIPERF = Peer("aiperf 0.13.0", ("aiperf==0.13.0",))
AIOHTTP = Peer("aiohttp 3.14.5", ("aiohttp==3.14.5",))
HTTPX = Peer("httpx 0.28.1", ("httpx==0.28.1",))
