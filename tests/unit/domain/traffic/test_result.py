"""The headlines of a server under traffic, by hand."""

from __future__ import annotations

from a_result import a_result
from a_served_result import a_served_result
from llenergymeasure import ExperimentResult
from llenergymeasure.domain.metrics import METRICS
from llenergymeasure.domain.traffic.result import LIMITED, SLOResult


def test_the_headlines_follow_from_the_requests_of_the_window():
    result = a_served_result()  # 200 J in 2 s; 8 sent, 7 answered, 6 good
    assert result.requests_per_second == 3.5
    assert result.goodput == 3.0
    assert result.energy_per_good_request == 200.0 / 6


def test_without_a_good_request_there_are_no_joules_per_good_request():
    result = a_served_result(slo=SLOResult(ttft_p99_ms=1.0, good=0, good_share=0.0, kept=False))
    assert (result.goodput, result.energy_per_good_request) == (0.0, None)
    assert result.reasons["energy_per_good_request"] == "no request kept the limits of `slo`"
    assert "goodput" not in result.reasons


def test_without_limits_there_is_no_goodput_and_a_reason():
    result = a_served_result(slo=None)
    assert (result.requests_per_second, result.goodput, result.energy_per_good_request) == (3.5, None, None)
    assert {result.reasons[name] for name in ("goodput", "energy_per_good_request")} == {
        "the configuration sets no limits in `slo`"
    }


def test_without_energy_there_is_goodput_and_no_joules():
    result = a_served_result(energy_j=None)
    assert (result.goodput, result.energy_per_good_request) == (3.0, None)
    assert result.reasons["energy_per_good_request"] == "no sensor"


def test_other_backends_have_no_traffic_and_say_why():
    result = a_result()
    names = ("traffic", "server", "requests_per_second", "goodput", "energy_per_good_request")
    assert [getattr(result, name) for name in names] == [None] * 5
    assert {result.reasons[name] for name in names} == {"the backend is no server, so no traffic was sent"}


def test_what_a_server_does_not_report_has_its_own_reason():
    reasons = a_served_result().reasons
    assert reasons["phases"] == "a server does not report when it was in prefill and when in decode"
    assert reasons["scheduler"] == "the counters of a server's scheduler are not read"


def test_the_result_of_a_server_is_read_again(tmp_path):
    result = a_served_result()
    assert ExperimentResult.from_json(result.to_json(tmp_path / "result.json")).traffic == result.traffic


def test_every_limit_is_one_of_a_latency():
    limits = {name for name in SLOResult.model_fields if name.endswith("_p99_ms")}
    assert set(LIMITED) == limits
    assert {f"{latency}_p99_ms" for latency in LIMITED.values()} <= set(METRICS)
