"""The lines of the summary about a server."""

from __future__ import annotations

import pytest

from a_result import a_result
from a_served_result import a_served_result, a_server, some_traffic
from llenergymeasure.domain.summary import number_format
from llenergymeasure.domain.traffic.result import SLOResult
from llenergymeasure.domain.traffic.text import judgement_text, limits_text, load_text, processes_text, server_text


def lines(result):
    return [" ".join(line.split()) for line in result.summary().splitlines()]


def test_the_summary_has_the_server_its_load_and_its_goodput():
    found = lines(a_served_result())
    assert "server vllm 0.32.0, started for this measurement" in found
    assert "its processes 1.5 s of CPU time, 900 MB of memory" in found
    assert "work 7 requests at 4 requests/s (constant): 3 input and 20 output tokens in 2 s" in found
    assert "requests per second 3.5 requests/s" in found
    assert (
        "goodput 3 requests/s, 6 of 8 requests within TTFT p99 500 ms; limits not kept: 1 of 8 requests failed" in found
    )
    assert "energy per good request 33.3 J/request +- 1.7 J/request" in found
    assert "failed requests 1 of 8 (1 x status_429)" in found
    assert "time to second token 25 ms median, 29.5 ms p95 (2 samples)" in found
    assert "sent late by 0.5 ms median, 0.95 ms p95 (3 samples)" in found


def test_the_latencies_come_before_that_of_the_second_token_and_the_client():
    names = ["goodput", "request latency", "time to first token", "time to second token", "sent late by"]
    found = a_served_result().summary()
    assert sorted(names, key=lambda name: found.index(f"\n{name} ")) == names


def test_energy_above_idle_that_was_not_measured_is_no_estimate():
    result = a_served_result()
    energy = result.energy.model_copy(update={"method": "estimated"})
    off = result.baseline.model_copy(update={"power_w": None, "reason": "baseline.enabled is false"})
    found = lines(result.model_copy(update={"energy": energy, "baseline": off}))
    assert "energy above idle not measured (baseline.enabled is false)" in found


def test_the_memory_that_a_server_does_not_report_has_its_reason():
    result = a_served_result()
    unknown = result.memory.model_copy(update={"peak_memory_mb": None, "source": "a server does not report it"})
    found = lines(result.model_copy(update={"memory": unknown}))
    assert "peak memory not measured (a server does not report it)" in found


def test_without_limits_and_failures_there_are_no_lines_about_them():
    text = a_served_result(slo=None, failed=0, failures=()).summary()
    assert "goodput" not in text
    assert "good request" not in text
    assert "failed requests" not in text


def test_the_number_format_of_a_server_is_not_known():
    result = a_served_result()
    assert number_format(result) == "bfloat16"  # of a model whose server reports it
    silent = result.model_copy(update={"model_info": result.model_info.model_copy(update={"dtype": None})})
    assert number_format(silent) is None
    assert lines(silent)[0].startswith("model builtin/tiny-llama (pytorch, cpu)")


def test_other_backends_have_none_of_these_lines():
    text = a_result().summary()
    assert all(name not in text for name in ("server", "requests per second", "sent late by"))


@pytest.mark.parametrize(
    ("traffic", "text"),
    [
        ({"mode": "concurrency", "concurrency": 16, "rate": None}, "with 16 in flight"),
        ({"mode": "poisson", "rate": 0.5, "achieved_rate": 0.51}, "at 0.5 requests/s (poisson)"),
        (
            {"mode": "poisson", "rate": 2.0, "achieved_rate": 2.19},
            "at 2 requests/s (poisson), sent at 2.19 requests/s in the window",
        ),
    ],
)
def test_a_load_in_a_few_words(traffic, text):
    assert load_text(some_traffic(**traffic)) == text


def test_a_server_that_was_running_has_its_address():
    found = a_server(launched=False, command=(), engine=None, version=None)
    assert server_text(found) == "not recognised at http://127.0.0.1:8000/v1"


def test_the_processes_of_a_server_elsewhere_are_not_known():
    assert processes_text(a_server(cpu_seconds=None, memory_mb=None)) is None


JUDGED = {"ttft_p99_ms": 1251.0, "e2e_p99_ms": 3000.0}
LIMITS = {"ttft_p99_ms": 500, "e2e_p99_ms": 4000, "good": 1, "good_share": 1.0}


@pytest.mark.parametrize(
    ("fields", "failed", "text"),
    [
        ({"kept": False, "judged_ms": JUDGED}, 0, "limits not kept: TTFT p99 1251 ms is above 500 ms"),
        ({"kept": True, "judged_ms": {**JUDGED, "ttft_p99_ms": 320.0}}, 0,
         "limits kept: TTFT p99 320 ms of 500 ms, request p99 3000 ms of 4000 ms"),
        ({"kept": False, "judged_ms": {**JUDGED, "ttft_p99_ms": None}}, 0,
         "limits not kept: TTFT p99 is not known or that of a failed request, with a limit of 500 ms"),
        ({"kept": False, "judged_ms": {**JUDGED, "ttft_p99_ms": 320.0}}, 2,
         "limits not kept: 2 of 8 requests failed"),
        ({"kept": True, "itl_p99_ms": 50, "judged_ms": {"itl_p99_ms": None}}, 0,
         "limits kept: ITL p99 without an interval between tokens, with a limit of 50 ms"),
        ({"kept": False, "itl_p99_ms": 50, "judged_ms": {**JUDGED, "itl_p99_ms": None}}, 0,
         "limits not kept: TTFT p99 1251 ms is above 500 ms"),
        ({"kept": False}, 0, "limits not kept"),
    ],
)  # fmt: skip
def test_a_judgement_names_the_limit_that_is_not_kept_and_its_value(fields, failed, text):
    assert judgement_text(some_traffic(failed=failed, slo=SLOResult(**LIMITS, **fields))) == text


def test_limits_are_named():
    slo = SLOResult(ttft_p99_ms=500, itl_p99_ms=50, e2e_p99_ms=10000, good=1, good_share=1.0, kept=True)
    assert limits_text(slo) == "TTFT p99 500 ms, ITL p99 50 ms, request p99 10000 ms"
