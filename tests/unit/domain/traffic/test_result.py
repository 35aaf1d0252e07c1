"""The headlines of a server under traffic, by hand."""

from __future__ import annotations

import bisect
import heapq
import random

import pytest

from a_result import a_result
from a_served_result import a_served_result, some_traffic
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


def test_requests_that_are_answered_after_the_window_have_no_joules_of_it():
    """At 4 requests/s, the server answers 1/s: of 60 requests in 15 s, 45 are answered after it, with energy of their own."""
    result = a_served_result(sent=60, answered=60, failed=0, failures=(), in_flight_start=5, in_flight_end=50)
    names = ("energy_per_request", "energy_per_good_request", "requests_per_second")
    assert [getattr(result, name) for name in names] == [None] * 3
    assert {result.reasons[name] for name in names} == {
        "requests arrive faster than the server answers: requests that were sent in the window were answered after it"
    }
    assert result.goodput == 3.0  # the good ones of those that were sent in the window
    text = " ".join(result.summary().split())
    assert "requests per second not measured (requests arrive faster than the server answers" in text
    assert "energy per request" not in text
    assert "energy per good request" not in text


@pytest.mark.parametrize(
    ("sent", "first", "last", "grown"),
    [
        (12, 11, 20, 0.75),  # 9 more, by chance up to 2.33 x sqrt(12) = 8.1
        (12, 0, 8, None),
        (12, 0, 5, None),
        (100, 30, 5, None),
        (1000, 5, 100, None),  # 9.5 % of the sent ones, although by chance up to 74
        (1000, 5, 110, 0.105),
    ],
)
def test_growth_is_more_than_by_chance(sent, first, last, grown):
    counts = {"sent": sent, "in_flight_start": first, "in_flight_end": last}
    assert some_traffic(**counts).growth == grown
    assert some_traffic(**counts, mode="concurrency").growth is None


def simulated_growth(load: float, n: int, seed: int) -> float | None:
    """The growth in a window of a queue with 4 servers (M/M/4), begun by a tenth of n answers; `load` is rate over capacity."""
    gaps, free = random.Random(seed), [0.0] * 4
    begins, ends, now = list[float](), list[float](), 0.0
    for _ in range(2 * n + 100):
        begins.append(now)
        ends.append(max(heapq.heappop(free), now) + gaps.expovariate(0.25 / load))
        heapq.heappush(free, ends[-1])
        now += gaps.expovariate(1.0)
    opened = sorted(ends)[n // 10]
    first = bisect.bisect(begins, opened)
    closed = min(max(opened + n, begins[first + n - 1]), begins[first + n])
    in_flight = [sum(begin <= at < end for begin, end in zip(begins, ends)) for at in (opened, closed)]
    return some_traffic(sent=n, in_flight_start=in_flight[0], in_flight_end=in_flight[1]).growth


@pytest.mark.parametrize(
    ("load", "n", "least", "most"),
    [
        (0.5, 12, 0, 1),  # shares in %, of 400 windows
        (0.8, 30, 0, 2),
        (0.8, 100, 0, 1),
        (2.0, 12, 20, 50),  # so few requests may not show it: the publication rule is then not observed
        (2.0, 60, 90, 100),
        (2.0, 100, 99, 100),
    ],
)
def test_growth_is_found_in_an_overloaded_queue_and_rarely_in_another(load, n, least, most):
    found = [simulated_growth(load, n, seed) is not None for seed in range(400)]
    assert least <= 100 * sum(found) / len(found) <= most


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
