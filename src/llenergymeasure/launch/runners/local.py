"""The runner `local`: the interpreter of this process."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from llenergymeasure.config.runners import LOCAL as LOCAL_NAME
from llenergymeasure.exceptions import Finding
from llenergymeasure.launch.runners.runner import Command


@dataclass(frozen=True)
class LocalRunner:
    """The interpreter of this process."""

    name: str = LOCAL_NAME
    is_local: bool = True
    can_fork: bool = True
    watches_owner: bool = True

    def command(self, arguments: Sequence[str], folder: Path | None, environ: Mapping[str, str]) -> Command:
        return Command((sys.executable, *arguments), environ)

    def image(self, environ: Mapping[str, str]) -> str | None:
        return None

    def findings(self, environ: Mapping[str, str]) -> tuple[Finding, ...]:
        return ()


LOCAL = LocalRunner()
