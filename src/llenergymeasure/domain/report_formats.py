"""The formats in which a result can be reported, as strings: imported when chosen, looked up without importing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from llenergymeasure._files import write_atomic
from llenergymeasure.exceptions import Finding, PreFlightError

if TYPE_CHECKING:  # a dry run asks for findings alone, and the types of a result take long
    from llenergymeasure.domain.result_data import ResultData


@dataclass(frozen=True)
class ReportFormat:
    """An optional part that makes a text from a result.

    Attributes:
        needs: the module that must be importable.
        factory: `module:attribute` that takes a result and returns the text.
        install: the command that installs it.
    """

    needs: str
    factory: str
    install: str


FORMATS: Mapping[str, ReportFormat] = {
    "html": ReportFormat(
        "jinja2", "llenergymeasure.results.report.experiment_page:html_text", 'pip install "llenergymeasure[report]"'
    ),
}


def _installed(module: str) -> bool:
    return find_spec(module) is not None


def report_findings(name: str, has: Callable[[str], bool] = _installed) -> list[Finding]:
    """Why a report cannot be written here; nothing where it can."""
    entry = FORMATS[name]
    return [] if has(entry.needs) else [Finding(f"a report needs {entry.needs}, not installed here", entry.install)]


def report_maker(name: str, has: Callable[[str], bool] = _installed) -> Callable[[ResultData], str]:
    """What makes the text of a report.

    Raises:
        PreFlightError: what the report needs is not installed; names the install line.
    """
    findings = report_findings(name, has)
    if findings:
        raise PreFlightError(findings)
    module, _, attribute = FORMATS[name].factory.partition(":")
    maker: Callable[[ResultData], str] = getattr(import_module(module), attribute)
    return maker


def write_report(result: ResultData, name: str, path: Path) -> Path:
    """Write a report, atomically. Returns the path.

    Raises:
        PreFlightError: what the report needs is not installed; names the install line.
    """
    write_atomic(path, report_maker(name)(result))
    return path
