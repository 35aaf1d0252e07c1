"""The figures of a study over the traffic of a server."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from a_traffic_study import CRASH, OVERLOAD, a_traffic_study, at_rate, over_concurrencies, over_rates, values_at
from llenergymeasure.results.report.figures.curves import curve_pictures


def drawn(*arguments, **options):
    effects = a_traffic_study(*arguments, **options).effects
    return {picture.name: picture for picture in curve_pictures(effects, effects.curves)}


def test_energy_against_the_limited_latency_then_each_metric_against_the_rate():
    found = drawn()
    assert {name: picture.title for name, picture in found.items()} == {
        "rate": "Energy per output token against time to first token, p99",
        "rate-1": "Time to first token, p99 by request rate",
        "rate-2": "Inter-token latency, p99 by request rate",
        "rate-3": "Energy per output token by request rate",
        "rate-4": "Goodput by request rate",
    }
    assert "8 requests/s (keeps the limits: yes): 68.0 ms, 0.332 J/token" in found["rate"].text
    assert "16 requests/s (keeps the limits: no): 0.00 requests/s" in found["rate-4"].text
    assert "limit 150 ms" in found["rate"].svg
    assert "95 % intervals" in found["rate"].caption


def test_a_limited_metric_that_is_not_usual_has_a_figure():
    found = drawn(over_rates(slo={"e2e_p99_ms": 2000.0}))
    assert found["rate"].title == "Energy per output token against request latency, p99"
    assert found["rate-5"].title == "Request latency, p99 by request rate"


def test_without_energy_the_throughput_is_drawn():
    found = drawn(over_concurrencies(1, 4, slo=None), estimated=True)
    assert found["concurrency"].title == "Throughput against time to first token, p99"
    assert "limit" not in found["concurrency"].caption


def test_without_a_latency_there_are_only_the_figures_of_the_traffic():
    found = drawn(values=lambda config: {name: value for name, value in values_at(config).items() if "ms" not in name})
    assert list(found) == ["rate-1", "rate-2"]


def test_two_servers_are_two_lines_with_a_legend():
    cells = [each for port in (8000, 9000) for each in over_rates(server={"url": f"http://127.0.0.1:{port}/v1"})]
    assert "server http://127.0.0.1:9000/v1" in drawn(cells)["rate"].svg


def test_a_rate_without_a_completed_run_is_a_cross():
    found = drawn(failure=at_rate(8.0, CRASH))
    assert found["rate-1"].caption.endswith("Cross: not measured, because runs failed.")
    assert "8 requests/s (keeps the limits: not measured): not measured" in found["rate-1"].text
    assert "Not measured, because runs failed: 8 requests/s." in found["rate"].caption
    assert found["rate-1"].svg != drawn()["rate-1"].svg


def test_a_rate_with_a_failed_run_is_half_filled():
    found = drawn(failure=at_rate(8.0, CRASH, 2))
    assert "half filled: undecided, because runs failed" in found["rate"].caption
    assert "8 requests/s (keeps the limits: undecided): 68" in found["rate"].text
    assert "half filled" not in drawn()["rate"].caption
    assert "Cross" not in found["rate-1"].caption


def test_a_rate_at_which_the_server_answered_nothing_has_a_goodput_of_zero():
    found = drawn(failure=at_rate(8.0, OVERLOAD))
    assert "8 requests/s (keeps the limits: no): 0.00 requests/s" in found["rate-4"].text
    assert "8 requests/s (keeps the limits: no): not measured" in found["rate-1"].text


def test_a_curve_with_one_measured_rate_is_drawn():
    found = drawn(over_rates((1.0, 8.0)), failure=at_rate(8.0, CRASH))
    assert {"rate", "rate-1"} <= found.keys()
