"""What a notebook shows of results and studies."""

from __future__ import annotations

import subprocess
import sys
from html.parser import HTMLParser

import pytest

pytest.importorskip("jinja2")

from a_page import EVIL, VOID
from a_result import a_result
from a_study import a_study
from a_traffic_study import a_traffic_study
from llenergymeasure import StudyResult
from llenergymeasure.domain.files.report_formats import for_notebook


class Snippet(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.words.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        return " ".join(filter(None, self.words))


def study(**how) -> StudyResult:
    data = a_study(**how)
    return StudyResult(**{field: getattr(data, field) for field in type(data).model_fields})


def test_a_result_shows_its_numbers_with_their_error_bars_and_its_warnings():
    snippet = Snippet(a_result()._repr_html_())
    assert "energy per output token 10 J/token ± 0.5 J/token" in snippet.text
    assert "short_measurement_duration" in snippet.text


def test_a_study_shows_its_answer_and_its_tables():
    snippet = Snippet(study()._repr_html_())
    assert study().answer in snippet.text
    assert "batch size" in snippet.text
    assert snippet.tags >= {"table", "td"}


def test_a_study_shows_its_failed_runs_with_their_reason():
    data = study(failed="02")
    snippet, failed = Snippet(data._repr_html_()), [run for run in data.runs if run.failure is not None]
    planned = sum(run.role == "cell" for run in data.runs)
    assert f"{planned - len(failed)} of {planned} runs with a result" in snippet.text
    assert all(run.run_id in snippet.text and run.failure.message in snippet.text for run in failed)


def test_a_study_shows_the_combinations_that_were_not_measured():
    data = study()
    assert data.skipped
    assert all(each.reason in Snippet(data._repr_html_()).text for each in data.skipped)


def test_a_study_over_the_traffic_of_a_server_shows_its_curve():
    data = a_traffic_study()
    served = StudyResult(**{field: getattr(data, field) for field in type(data).model_fields})
    assert "request rate in requests/s" in Snippet(served._repr_html_()).text


def test_nothing_that_a_user_wrote_becomes_markup_in_a_notebook():
    result = a_result().model_copy(update={"config": a_result().config.model_copy(update={"model": EVIL})})
    snippet = Snippet(result._repr_html_())
    assert snippet.tags.isdisjoint({"script", "img", "style"})
    assert "<script>" in snippet.text


def test_without_jinja2_a_notebook_shows_plain_text():
    assert for_notebook(a_result(), "notebook", lambda module: False) is None


@pytest.mark.slow
def test_a_notebook_needs_no_matplotlib():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from a_result import a_result\n"
        "assert 'J/token' in a_result()._repr_html_()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin"})
