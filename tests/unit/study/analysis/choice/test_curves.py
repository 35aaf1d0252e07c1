"""The curves of a study over the traffic of a server, and the points inside the limits."""

from __future__ import annotations

import pytest

from a_study import a_study
from a_traffic_study import (
    CRASH,
    OVERLOAD,
    a_served_config,
    a_traffic_study,
    at_rate,
    over_concurrencies,
    over_rates,
    values_at,
)
from llenergymeasure.domain.study.curves import Mean
from llenergymeasure.study.analysis.analyse import analyse
from llenergymeasure.study.analysis.choice.curves import slo_limits

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


def test_answers_in_one_piece_keep_the_limit_of_the_inter_token_latency():
    """No request has an interval between tokens, as with one output token."""

    def in_one_piece(config):
        return {**values_at(config), ITL: None}

    study = a_traffic_study(values=in_one_piece)
    (curve,) = study.curves
    assert [point.keeps for point in curve.points] == [True, True, True, False]
    assert curve.best == curve.highest == "03"
    (curve,) = a_traffic_study(over_rates(slo={ITL: 1.0}), values=in_one_piece).curves
    assert [point.keeps for point in curve.points] == [True] * 4


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


def test_a_point_with_a_failed_run_is_not_known_to_keep_the_limits():
    """At 8 requests/s, where the energy is least, one run of three crashed: the two others do not speak for it."""
    (curve,) = a_traffic_study(failure=at_rate(8.0, CRASH, 2)).curves
    point = curve.points[2]
    assert (point.keeps, point.certain, point.is_undecided) == (None, False, True)
    assert (point.completed_runs, point.failed_runs, point.unanswered_runs) == (2, 1, 0)
    assert (curve.best, curve.highest) == ("02", "02")
    assert curve.undecided == (point,)


def test_a_point_outside_the_limits_stays_outside_with_a_failed_run():
    (curve,) = a_traffic_study(failure=at_rate(16.0, CRASH, 2)).curves
    assert (curve.points[3].keeps, curve.points[3].certain, curve.undecided) == (False, True, ())


def test_a_point_without_a_completed_run_is_in_the_curve_with_its_reason():
    (curve,) = a_traffic_study(failure=at_rate(8.0, CRASH)).curves
    point = curve.points[2]
    assert (point.traffic, point.means, point.completed_runs, point.failed_runs) == (8.0, {}, 0, 3)
    assert (point.keeps, point.reason) == (None, CRASH.message)
    assert (curve.best, curve.undecided) == ("02", (point,))


def test_a_run_without_an_answered_request_does_not_keep_the_limits():
    """An overloaded server must not be the best, because only its completed runs were looked at."""
    (curve,) = a_traffic_study(failure=at_rate(8.0, OVERLOAD, 1)).curves
    point = curve.points[2]
    assert (point.keeps, point.certain, point.unanswered_runs) == (False, False, 1)
    assert (curve.best, curve.highest, curve.undecided) == ("02", "02", ())
    (always,) = a_traffic_study(failure=at_rate(8.0, OVERLOAD)).curves
    assert (always.points[2].keeps, always.points[2].certain) == (False, True)


def test_a_run_without_an_answered_request_has_a_goodput_of_zero():
    (curve,) = a_traffic_study(failure=at_rate(8.0, OVERLOAD, 3)).curves
    means = curve.points[2].means
    assert means["goodput"].value == pytest.approx(8 * (1.01 + 1.01**2) / 3)
    assert means["goodput"].low is None
    assert "energy_per_good_request" not in means
    (always,) = a_traffic_study(failure=at_rate(8.0, OVERLOAD)).curves
    assert always.points[2].means == {"goodput": Mean(value=0.0, n_runs=3)}


def test_without_limits_a_run_without_an_answered_request_has_no_goodput():
    (curve,) = a_traffic_study(over_rates(slo=None), failure=at_rate(8.0, OVERLOAD)).curves
    assert (curve.points[2].means, curve.points[2].keeps, curve.undecided) == ({}, None, ())


def test_failed_requests_do_not_improve_the_p99():
    """The p99 of the answered requests is 67 ms at 8 requests/s; with those that failed it is above the limit of 150 ms."""
    with_failed = lambda config, cycle: {TTFT: 200.0 if config.traffic.rate == 8 else 60.0}  # noqa: E731
    (curve,) = a_traffic_study(failed_share=lambda config: 0.005, of_sent=with_failed).curves
    assert [point.keeps for point in curve.points] == [True, True, False, False]
    assert not curve.points[2].certain
    assert curve.points[2].means[TTFT].value < 70
    assert curve.best == "02"


def test_a_p99_that_is_a_failed_request_is_outside_every_limit():
    once = lambda config, cycle: {TTFT: None} if (config.traffic.rate, cycle) == (8, 2) else {}  # noqa: E731
    (curve,) = a_traffic_study(failed_share=lambda config: 0.005, of_sent=once).curves
    assert (curve.points[2].keeps, curve.points[2].certain) == (False, False)


def test_runs_that_have_not_ended_decide_nothing():
    study = a_traffic_study()
    runs = [row.model_copy(update={"state": "interrupted"}) if row.run_id == "03.c2" else row for row in study.runs]
    effects = analyse(study.design, runs, study.protocol)
    assert effects is not None
    assert (effects.curves[0].points[2].keeps, effects.curves[0].points[2].completed_runs) == (True, 2)


def test_a_goodput_of_zero_is_kept():
    (curve,) = a_traffic_study().curves
    assert curve.points[3].means["goodput"] == Mean(value=0.0, n_runs=3)
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
