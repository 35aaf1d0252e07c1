"""The sections `traffic` and `slo`: what goes together, and what None means."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llenergymeasure.config.traffic import SLOConfig, TrafficConfig


def complaint(section, **fields):
    with pytest.raises(ValidationError) as caught:
        section(**fields)
    return "; ".join(error["msg"] for error in caught.value.errors())


def test_requests_at_a_rate_take_about_n_divided_by_the_rate():
    assert TrafficConfig(mode="poisson", rate=4).expected_seconds(100) == 25.0
    assert TrafficConfig(concurrency=4).expected_seconds(100) is None


def test_none_means_one_request_in_flight_and_a_steady_state():
    traffic = TrafficConfig()
    assert (traffic.effective_mode, traffic.effective_concurrency, traffic.rate) == ("concurrency", 1, None)
    assert (traffic.effective_window, traffic.effective_seed(42)) == ("steady_state", 42)
    assert traffic.effective_ramp_up_requests(100) == 1


@pytest.mark.parametrize(
    ("fields", "n", "requests"),
    [
        ({"concurrency": 16}, 100, 16),
        ({"concurrency": 16, "ramp_up_requests": 3}, 100, 3),
        ({"mode": "poisson", "rate": 4}, 100, 10),
        ({"mode": "constant", "rate": 4}, 9, 1),
        ({"mode": "constant", "rate": 4, "ramp_up_requests": 7}, 100, 7),
        ({"concurrency": 16, "window": "total"}, 100, 0),
    ],
)
def test_the_ramp_up_is_one_answer_per_stream_or_a_tenth_of_the_requests(fields, n, requests):
    assert TrafficConfig(**fields).effective_ramp_up_requests(n) == requests


@pytest.mark.parametrize("mode", ["constant", "poisson"])
def test_a_rate_has_no_concurrency(mode):
    traffic = TrafficConfig(mode=mode, rate=4, seed=7)
    assert (traffic.effective_mode, traffic.effective_concurrency, traffic.effective_seed(42)) == (mode, None, 7)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rate": 4}, "rate 4 has no effect with mode concurrency; set traffic.mode: constant or poisson"),
        ({"mode": "poisson"}, "mode poisson needs a rate; set traffic.rate, in requests per second"),
        ({"mode": "constant", "rate": 1, "concurrency": 2}, "concurrency 2 has no effect with mode constant"),
        ({"window": "total", "ramp_up_requests": 2}, "ramp_up_requests 2 has no effect with window total"),
        ({"mode": "closed"}, "'concurrency', 'constant' or 'poisson'"),
        ({"window": "steady"}, "'steady_state' or 'total'"),
        ({"concurrency": 0}, "greater than or equal to 1"),
        ({"concurrency": 1.5}, "valid integer"),
        ({"mode": "constant", "rate": 0}, "greater than 0"),
        ({"mode": "constant", "rate": "4"}, "a number is needed"),
        ({"mode": "constant", "rate": float("inf")}, "finite number"),
        ({"ramp_up_requests": 0}, "greater than or equal to 1"),
        ({"seed": -1}, "greater than or equal to 0"),
    ],
)
def test_what_does_not_go_together_is_refused(fields, words):
    assert words in complaint(TrafficConfig, **fields)


@pytest.mark.parametrize("name", SLOConfig.model_fields)
def test_one_limit_is_enough(name):
    assert getattr(SLOConfig(**{name: 50}), name) == 50


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "slo has no limit; set at least one of ttft_p99_ms, itl_p99_ms, e2e_p99_ms"),
        ({"ttft_p99_ms": 0}, "greater than 0"),
        ({"ttft_p95_ms": 5}, "Extra inputs are not permitted"),
    ],
)
def test_a_limit_is_a_positive_time_of_a_known_name(fields, words):
    assert words in complaint(SLOConfig, **fields)
