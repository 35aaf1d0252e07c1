"""The page of a study over the traffic of a server, and what is written beside it."""

from __future__ import annotations

import csv

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from a_page import Page, is_passive
from a_study import a_study
from a_traffic_study import CRASH, OVERLOAD, a_traffic_study, at_rate, over_concurrencies, over_rates
from llenergymeasure.results.report.study.files import write_study_report
from llenergymeasure.results.report.study.page import html_text


def page_of(study) -> Page:
    return Page(html_text(study))


def test_the_curves_come_before_the_factors():
    page = page_of(a_traffic_study())
    assert page.text.index("Latency and energy by request rate") < page.text.index("What matters")
    assert [name for name in page.figures if name.startswith("rate")] == [
        "rate",
        "rate-1",
        "rate-2",
        "rate-3",
        "rate-4",
    ]
    assert is_passive(page)


def test_the_best_rate_is_a_number_at_the_top():
    text = page_of(a_traffic_study()).text
    assert "best request rate inside the limits" in text
    assert "8 requests/s" in text
    assert "time to first token, p99 at most 150 ms, inter-token latency, p99 at most 30 ms" in text


def test_where_no_rate_keeps_the_limits_the_number_is_none():
    text = page_of(a_traffic_study(over_rates(slo={"ttft_p99_ms": 1.0}))).text
    assert "request rate inside the limits none" in " ".join(text.split())


def test_without_limits_there_are_curves_and_no_choice():
    text = page_of(a_traffic_study(over_concurrencies(1, 4, slo=None))).text
    assert "Latency and energy by concurrency" in text
    assert "inside the limits" not in text


def test_a_rate_whose_runs_failed_is_undecided_on_the_page():
    text = " ".join(page_of(a_traffic_study(failure=at_rate(8.0, CRASH))).text.split())
    assert "undecided, because runs failed: 8 requests/s" in text
    assert (
        "At a request rate of 8 (3 of 3 runs) runs failed, so it is not decided whether the limits are kept there"
        in text
    )
    assert "best request rate inside the limits 4 requests/s" in text
    assert f"Cell 03 was not measured: {CRASH.message}" in text


def test_where_none_is_known_to_keep_the_limits_the_number_says_so():
    study = a_traffic_study(over_rates((8.0, 16.0)), failure=at_rate(8.0, CRASH, 1))
    assert "request rate inside the limits none is known" in " ".join(page_of(study).text.split())


def test_a_failure_of_all_requests_is_named_as_one():
    text = " ".join(page_of(a_traffic_study(failure=at_rate(16.0, OVERLOAD))).text.split())
    assert f"the requests to the server failed. {OVERLOAD.message}" in text


def test_the_methods_speak_of_requests_and_of_the_traffic_around_the_window():
    text = page_of(a_traffic_study()).text
    assert "Each run measured 64 requests to a server, and asked for at most 128 output tokens each." in text
    assert "also tokens of requests that were sent before it" in text
    assert "forked from a server" not in text
    assert "The window of a server lay inside its traffic, without ramp-up and drain" in text
    whole = over_rates((1.0, 4.0))
    whole = [each.model_copy(update={"traffic": each.traffic.model_copy(update={"window": "total"})}) for each in whole]
    assert "lay inside its traffic" not in page_of(a_traffic_study(whole)).text


def test_the_methods_say_how_a_rate_was_chosen():
    assert "Of those, we chose the one with the lowest energy per output token." in page_of(a_traffic_study()).text
    assert "kept the limits" not in page_of(a_study()).text


def test_the_tables_and_the_numbers_are_beside_the_page(tmp_path):
    written = {path.relative_to(tmp_path).as_posix() for path in write_study_report(a_traffic_study(), tmp_path)}
    assert {
        "tables/rate.tex",
        "tables/rate.md",
        "tables/curves.csv",
        "figures/rate.pdf",
        "figures/rate-4.svg",
    } <= written
    with (tmp_path / "tables" / "curves.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["traffic"] for row in rows] == ["1.0", "4.0", "8.0", "16.0"]
    assert rows[3]["energy_per_good_request"] == ""


def test_another_study_has_no_such_table(tmp_path):
    assert not any("curves" in path.name for path in write_study_report(a_study(), tmp_path))
