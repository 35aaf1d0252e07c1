"""Reports are optional: found without importing anything, imported when chosen."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from llenergymeasure.domain.files.report_formats import FORMATS, report_findings, report_maker
from llenergymeasure.exceptions import PreFlightError


def test_without_its_library_the_fix_is_reported_before_anything_runs():
    assert report_findings("html", lambda module: True) == []
    with pytest.raises(PreFlightError, match=r'fix: pip install "llenergymeasure\[report\]"'):
        report_maker("html", lambda module: False)


def test_only_what_is_missing_is_named():
    (finding,) = report_findings("html", lambda module: module == "jinja2")
    assert finding.problem == "a report needs matplotlib (not installed)"
    (finding,) = report_findings("html", lambda module: False)
    assert finding.problem == "a report needs jinja2 and matplotlib (not installed)"


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_names_a_module_that_is_there(name):
    assert find_spec(FORMATS[name].factory.partition(":")[0]) is not None


def test_a_page_is_made_by_what_the_registry_names():
    from llenergymeasure.results.report.experiment.page import html_text

    assert report_maker("html") is html_text
