"""What a report needs beside the base install, asked for before anything is measured."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

from llenergymeasure.exceptions import Finding, PreFlightError

INSTALL = 'pip install "llenergymeasure[report]"'


def installed(module: str) -> bool:
    """Whether a module is there, without importing it."""
    return find_spec(module) is not None


def report_findings(has: Callable[[str], bool] = installed) -> list[Finding]:
    """Why a report cannot be written here; nothing where it can."""
    return [] if has("jinja2") else [Finding("a report needs jinja2, not installed here", INSTALL)]


def check_report(has: Callable[[str], bool] = installed) -> None:
    """See that a report can be written.

    Raises:
        PreFlightError: it cannot; names the install line.
    """
    findings = report_findings(has)
    if findings:
        raise PreFlightError(findings)
