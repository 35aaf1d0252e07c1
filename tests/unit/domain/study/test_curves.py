"""The rows of curves for data frames."""

from __future__ import annotations

import pytest

from a_traffic_study import a_traffic_study
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
