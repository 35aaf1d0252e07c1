"""The figures of a study over the traffic of a server."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from a_traffic_study import a_traffic_study, over_concurrencies, over_rates, values_at
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
