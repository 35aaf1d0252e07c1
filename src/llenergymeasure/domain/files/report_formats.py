"""The registry of report formats. A format's module is named in text and imported when the format is chosen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llenergymeasure._files import write_atomic
from llenergymeasure.exceptions import Finding, PreFlightError

if TYPE_CHECKING:  # a dry run needs the findings only, and importing the result types takes long
    from llenergymeasure.domain.result_data import ResultData


@dataclass(frozen=True)
class ReportFormat:
    """An optional module that makes a text from a result.

    Attributes:
        needs: the modules that must be importable.
        factory: `module:attribute` that takes a result, or a study, and returns the text.
        install: the command that installs it.
    """

    needs: tuple[str, ...]
    factory: str
    install: str


_INSTALL = 'pip install "llenergymeasure[report]"'

FORMATS: Mapping[str, ReportFormat] = {
    "html": ReportFormat(
        ("jinja2", "matplotlib"),
        "llenergymeasure.results.report.experiment.page:html_text",
        _INSTALL,
    ),
    "notebook": ReportFormat(("jinja2",), "llenergymeasure.results.report.notebook:of_result", _INSTALL),
    "study_notebook": ReportFormat(("jinja2",), "llenergymeasure.results.report.notebook:of_study", _INSTALL),
}


def _installed(module: str) -> bool:
    return find_spec(module) is not None


def report_findings(name: str, has: Callable[[str], bool] = _installed) -> list[Finding]:
    """Why a report cannot be written on this machine; empty when it can."""
    entry = FORMATS[name]
    missing = [name for name in entry.needs if not has(name)]
    return [Finding(f"a report needs {' and '.join(missing)} (not installed)", entry.install)] if missing else []


def report_maker(name: str, has: Callable[[str], bool] = _installed) -> Callable[[Any], str]:
    """The function that makes the text of a report.

    Raises:
        PreFlightError: a needed package is not installed; with the install command.
    """
    findings = report_findings(name, has)
    if findings:
        raise PreFlightError(findings)
    module, _, attribute = FORMATS[name].factory.partition(":")
    maker: Callable[[Any], str] = getattr(import_module(module), attribute)
    return maker


def write_report(result: ResultData, name: str, path: Path) -> Path:
    """Write a report, atomically. Returns the path.

    Raises:
        PreFlightError: a needed package is not installed; with the install command.
    """
    write_atomic(path, report_maker(name)(result))
    return path


def for_notebook(stored: object, name: str, has: Callable[[str], bool] = _installed) -> str | None:
    """A short HTML text for notebooks; None, so that they show plain text, where a needed package is not installed."""
    return None if report_findings(name, has) else report_maker(name, has)(stored)
