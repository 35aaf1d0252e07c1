"""The curves of a study over the traffic of a server, and the points inside the limits."""

from __future__ import annotations

import pytest

from a_study import a_study
from a_traffic_study import a_served_config, a_traffic_study, over_concurrencies, over_rates, values_at
from llenergymeasure.domain.study.curves import Mean
from llenergymeasure.study.analysis.choice.curves import keeps_limits, slo_limits

TTFT, ITL, ENERGY = "ttft_p99_ms", "itl_p99_ms", "energy_per_output_token"


def test_a_point_per_rate_with_the_means_of_its_runs():
    (curve,) = a_traffic_study(n_cycles=1).curves
    assert (curve.field, curve.settings) == ("traffic.rate", "")
    assert [(point.cell, point.traffic) for point in curve.points] == [("01", 1), ("02", 4), ("03", 8), ("04", 16)]
    assert curve.points[1].means[ENERGY].value == pytest.approx(0.45 * 1.01)
    assert curve.points[1].means[TTFT].value == pytest.approx(50 * 1.01)


def test_points_are_in_the_order_of_their_traffic():
    (curve,) = a_traffic_study(over_rates((8.0, 1.0, 16.0))).curves
    assert [point.cell for point in curve.points] == ["02", "01", "03"]


def test_the_best_point_needs_the_least_energy_among_those_inside_the_limits():
    """The time to first token is 67 ms at 8 requests/s and 200 ms at 16."""
    (curve,) = a_traffic_study().curves
    assert [point.keeps for point in curve.points] == [True, True, True, False]
    assert (curve.best, curve.highest, curve.cost) == ("03", "03", ENERGY)


def test_the_best_point_may_have_less_traffic_than_the_highest_inside():
    def least_at_4(config):
        energy = {1.0: 0.9, 4.0: 0.4}.get(config.traffic.rate, 0.6)
        return {**values_at(config), ENERGY: energy}

    (curve,) = a_traffic_study(values=least_at_4).curves
    assert (curve.best, curve.highest) == ("02", "03")


def test_without_measured_energy_the_best_point_has_the_highest_throughput():
    (curve,) = a_traffic_study(estimated=True).curves
    assert (curve.best, curve.cost) == ("03", "tokens_per_second")


def test_without_limits_no_point_is_chosen():
    (curve,) = a_traffic_study(over_rates(slo=None)).curves
    assert [point.keeps for point in curve.points] == [None] * 4
    assert (curve.best, curve.highest, curve.limits) == (None, None, {})


def test_limits_that_are_asked_for_replace_those_of_the_slo():
    (curve,) = a_traffic_study(limits={TTFT: 60.0, "tokens_per_second": 200.0}).curves
    assert curve.limits == {TTFT: 60.0, ITL: 30.0, "tokens_per_second": 200.0}
    assert [point.keeps for point in curve.points] == [False, True, False, False]


def test_a_limit_of_what_was_not_measured_leaves_it_open():
    (curve,) = a_traffic_study(limits={"peak_memory_mb": 100.0}).curves
    assert [point.keeps for point in curve.points] == [None, None, None, False]
    assert curve.best is None


def test_a_point_with_failed_requests_does_not_keep_the_limits():
    (curve,) = a_traffic_study(failed_share=lambda config: 0.02 if config.traffic.rate == 8 else 0.01).curves
    assert [point.keeps for point in curve.points] == [True, True, False, False]
    assert curve.points[2].failed_share == pytest.approx(0.02)
    assert curve.points[2].certain


def test_a_goodput_of_zero_is_kept():
    (curve,) = a_traffic_study().curves
    assert curve.points[3].means["goodput"] == Mean(value=0.0)
    assert curve.points[3].means.get("energy_per_good_request") is None


def test_the_energy_of_good_requests_is_not_that_of_the_runs_which_had_some():
    """One run of three had no good request: the mean of the two others is too low for the cell."""
    good = iter((8.0, 0.0, 8.0))

    def once_without(config):
        found = values_at(config)
        if config.traffic.rate == 8 and not (goodput := next(good)):
            return {**found, "goodput": goodput, "energy_per_good_request": None}
        return found

    (curve,) = a_traffic_study(values=once_without).curves
    assert "energy_per_good_request" in curve.points[1].means
    assert "energy_per_good_request" not in curve.points[2].means
    assert curve.points[2].means["goodput"].value == pytest.approx(8 * (1.01 + 1.01**3) / 3)


def test_a_curve_over_the_concurrency():
    (curve,) = a_traffic_study(over_concurrencies(1, 4, 16)).curves
    assert curve.field == "traffic.concurrency"
    assert [point.traffic for point in curve.points] == [1, 4, 16]


def test_each_server_has_a_curve():
    urls = ("http://127.0.0.1:8000/v1", "http://127.0.0.1:9000/v1")
    cells = [config for url in urls for config in over_rates(server={"url": url})]
    curves = a_traffic_study(cells).curves
    assert [curve.settings for curve in curves] == [f"server {url}" for url in urls]
    assert [curve.best for curve in curves] == ["03", "07"]


def test_rates_and_concurrencies_of_a_list_are_two_curves():
    curves = a_traffic_study([*over_rates((1.0, 4.0)), *over_concurrencies(2, 8)]).curves
    assert [(curve.field, [point.cell for point in curve.points], curve.settings) for curve in curves] == [
        ("traffic.rate", ["01", "02"], ""),
        ("traffic.concurrency", ["03", "04"], ""),
    ]


def test_a_study_of_one_rate_or_without_a_server_has_no_curve():
    prompts = [a_served_config({"concurrency": 4}, n=n) for n in (8, 16)]
    assert a_traffic_study(prompts).curves == ()
    assert a_study().curves == ()


def test_the_limits_of_the_slo_are_those_of_latency_metrics():
    limits = slo_limits(a_served_config({}, {"ttft_p99_ms": 500, "e2e_p99_ms": 9000}))
    assert limits == {TTFT: 500.0, "request_p99_ms": 9000.0}


@pytest.mark.parametrize(
    ("mean", "answer"),
    [
        (Mean(value=90, low=80, high=99), (True, True)),
        (Mean(value=90, low=80, high=101), (True, False)),
        (Mean(value=110, low=95, high=130), (False, False)),
        (Mean(value=110, low=101, high=130), (False, True)),
        (Mean(value=90), (True, False)),
    ],
)
def test_a_limit_is_certain_where_the_interval_is_on_one_side(mean, answer):
    assert keeps_limits({TTFT: mean}, {TTFT: 100.0}) == answer


def test_a_limit_is_at_least_where_higher_is_better():
    assert keeps_limits({"goodput": Mean(value=4, low=3.5, high=4.5)}, {"goodput": 3.0}) == (True, True)
    assert keeps_limits({"goodput": Mean(value=4, low=3.5, high=4.5)}, {"goodput": 4.2}) == (False, False)
