"""The rows of curves for data frames."""

from __future__ import annotations

import pytest

from a_traffic_study import CRASH, a_traffic_study, at_rate, over_rates
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.study.curves import SLO_METRICS, curve_rows


def test_a_row_per_point_with_means_and_intervals():
    rows = curve_rows(a_traffic_study().curves)
    assert [row["traffic"] for row in rows] == [1.0, 4.0, 8.0, 16.0]
    assert rows[2]["energy_per_output_token"] == pytest.approx(0.325 * 1.01**2)
    assert rows[2]["energy_per_output_token_low"] <= rows[2]["energy_per_output_token"]
    assert [row["best"] for row in rows] == [False, False, True, False]
    assert (rows[3]["keeps"], rows[3]["goodput"], rows[3]["goodput_low"]) == (False, 0.0, None)


def test_all_rows_have_the_same_keys():
    rows = curve_rows(a_traffic_study().curves)
    assert {tuple(row) for row in rows} == {tuple(rows[0])}
    assert rows[3]["energy_per_good_request"] is None


def test_every_limit_is_of_a_metric():
    assert SLO_METRICS == {"ttft_p99_ms": "ttft_p99_ms", "itl_p99_ms": "itl_p99_ms", "e2e_p99_ms": "request_p99_ms"}
    assert set(SLO_METRICS.values()) <= METRICS.keys()


def test_a_point_without_a_completed_run_is_a_row_with_its_reason():
    rows = curve_rows(a_traffic_study(failure=at_rate(8.0, CRASH)).curves)
    assert [row["completed_runs"] for row in rows] == [3, 3, 0, 3]
    assert (rows[2]["failed_runs"], rows[2]["unanswered_runs"], rows[2]["failure_message"]) == (3, 0, CRASH.message)
    assert (rows[2]["keeps"], rows[2]["energy_per_output_token"], rows[1]["failure_message"]) == (None, None, None)


def test_only_failed_runs_make_a_point_undecided():
    (failed,) = a_traffic_study(failure=at_rate(8.0, CRASH, 1)).curves
    assert [point.is_undecided for point in failed.points] == [False, False, True, False]
    (open_,) = a_traffic_study(limits={"peak_memory_mb": 100.0}).curves
    assert not any(point.is_undecided for point in open_.points)
    (without,) = a_traffic_study(over_rates(slo=None), failure=at_rate(8.0, CRASH, 1)).curves
    assert without.undecided == ()
