"""Files that earlier releases wrote load for ever."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

from a_page import Page
from llenergymeasure import ExperimentResult
from llenergymeasure._api.compare import compared
from llenergymeasure._api.repeat import repeat_of
from llenergymeasure._api.report import write_report
from llenergymeasure._api.request import study_of
from llenergymeasure.domain.result_data import SCHEMA_VERSION
from llenergymeasure.domain.summary import summarise

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("result-*.json"))


def test_there_is_one_of_each_schema_version():
    assert {path.stem.split("-")[1] for path in GOLDEN} == {"2.0"}
    assert f"result-{SCHEMA_VERSION}.json" in {path.name for path in GOLDEN}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_an_old_file_loads_and_keeps_every_value_it_has(path):
    reported = json.loads(path.read_text(encoding="utf-8"))
    again = json.loads(json.dumps(ExperimentResult.from_json(path).model_dump(mode="json")))
    assert known_part(again, reported) == reported


def known_part(value, reported):
    """The value without the fields that later releases added."""
    if isinstance(reported, dict):
        return {name: known_part(value[name], reported[name]) for name in reported}
    if isinstance(reported, list) and len(value) == len(reported):
        return [known_part(one, was) for one, was in zip(value, reported)]
    return value


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_its_numbers_still_mean_the_same(path):
    result = ExperimentResult.from_json(path)
    if result.energy_total_j is not None:
        assert result.energy_per_output_token == pytest.approx(result.energy_total_j / result.tokens.output_tokens)
    assert math.isclose(result.tokens_per_second, result.tokens.output_tokens / result.duration_sec)
    assert result.measurement_config_hash == result.config.config_hash


@pytest.fixture
def released(tmp_path):
    """The folder of a result that release 2.0.0 wrote, without energy."""
    (tmp_path / "old").mkdir()
    shutil.copy(GOLDEN[0].with_name("result-2.0-release.json"), tmp_path / "old" / "result.json")
    return tmp_path / "old"


def test_its_publication_rules_keep_the_outcome_of_the_release_that_wrote_it(released):
    stored = json.loads((released / "result.json").read_text(encoding="utf-8"))["publication_check"]
    check = ExperimentResult.from_json(released / "result.json").publication_check
    assert list(check.passed) == stored["passed"]
    assert list(check.failed) == stored["failed"]
    assert check.not_applicable == check.not_observed == ()  # that release knew no such states
    assert check.applicable == len(stored["passed"]) + len(stored["failed"])


def test_it_has_a_summary_and_a_report(released):
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    text = summarise(ExperimentResult.from_json(released / "result.json"))
    assert "ready to publish: 4 of 18 rules are kept\n- failed: window_at_least_60_s: 1.96 s of 60 s" in text
    page = Page(write_report(released).page.read_text(encoding="utf-8"))
    assert "4 of the 18 rules that apply are kept." in page.text
    assert "Energy was not measured." in page.text


def test_it_is_compared_and_repeated(released):
    assert "throughput" in compared([released, released / "result.json"], different_work=False, as_json=False)
    repeat = repeat_of(released)
    (again,) = study_of(repeat.document, {}, []).experiments
    assert again == ExperimentResult.from_json(released / "result.json").config
    assert any(note.startswith("llenergymeasure 2.0.0 measured it") for note in repeat.notes)
