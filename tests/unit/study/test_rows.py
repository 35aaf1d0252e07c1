"""The rows of runs."""

from __future__ import annotations

from a_result import a_result
from a_served_result import a_served_result
from a_study import a_study
from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.domain.study.runs import RunRow
from llenergymeasure.study.rows import completed_row


def test_the_passes_of_a_window_are_in_its_row():
    once = a_result()
    thrice = once.model_copy(update={"tokens": once.tokens.model_copy(update={"n_passes": 3})})
    row = a_study().runs[0]
    assert [completed_row(row, result, None, 1.0).n_passes for result in (once, thrice)] == [1, 3]


def test_the_row_of_a_run_has_the_release_that_measured_and_the_names_of_its_gpus():
    gpus = tuple(GpuInfo(index=number, name="NVIDIA H200", uuid=f"GPU-{number}") for number in range(2))
    result = a_result()
    seen = result.environment_snapshot.model_copy(update={"gpus": gpus})
    measured = result.model_copy(update={"environment_snapshot": seen, "tool_version": "1.9.9"})
    row = completed_row(a_study().runs[0], measured, None, 1.0)
    assert row.tool_version == "1.9.9"
    assert row.gpu_names == ("NVIDIA H200", "NVIDIA H200")
    assert row.gpus == ("NVIDIA H200 (GPU-0)", "NVIDIA H200 (GPU-1)")


def test_replayed_joules_are_not_measured_in_its_row():
    result = a_result()
    row = a_study().runs[0]
    methods = ("counter", "estimated", "replayed")
    found = [result.model_copy(update={"energy": result.energy.model_copy(update={"method": m})}) for m in methods]
    sources = [completed_row(row, each, None, 1.0).energy_source for each in found]
    assert sources == ["measured", "estimated", "replayed"]


def test_the_versions_of_torch_and_transformers_are_in_its_row():
    result = a_result()
    packages = {"torch": "2.13.0+cpu", "transformers": "5.23.0", "numpy": "2.4.6"}
    snapshot = result.environment_snapshot.model_copy(update={"packages": packages})
    row = RunRow(run_id="01.c1", place=1, cell="01", cycle=1, block="cycle 1")
    measured = result.model_copy(update={"environment_snapshot": snapshot})
    assert completed_row(row, measured, None, 1.0).libraries == {"torch": "2.13.0+cpu", "transformers": "5.23.0"}


def test_the_states_of_the_publication_rules_are_in_its_row():
    result = a_result()
    row = completed_row(a_study().runs[0], result, None, 1.0)
    assert row.publication == {each.rule: each.state for each in result.publication_check.rules}
    assert row.publication


def row_of(result) -> RunRow:
    return completed_row(a_study().runs[0], result, None, 1.0)


def with_latencies(result, *values_ms):
    latency = result.latency.model_copy(update={"ttft_ms": values_ms, "request_ms": tuple(10 * v for v in values_ms)})
    return result.model_copy(update={"latency": latency})


def test_failed_requests_are_later_than_all_others_in_its_percentiles_of_sent_requests():
    """Of five requests, one failed: the median of all is 30 ms, and the p95 lies between the largest and the failed one."""
    row = row_of(with_latencies(a_served_result(sent=5, answered=4), 10.0, 20.0, 30.0, 40.0))
    assert row.of_sent["ttft_p50_ms"] == 30.0
    assert row.of_sent["ttft_p95_ms"] == 40.0
    assert row.of_sent["request_p50_ms"] == 300.0
    assert not any(name.startswith("itl") for name in row.of_sent)


def test_a_percentile_that_is_a_failed_request_has_no_value():
    row = row_of(with_latencies(a_served_result(sent=4, answered=2, failed=2), 10.0, 20.0))
    assert (row.of_sent["ttft_p50_ms"], row.of_sent["ttft_p99_ms"]) == (20.0, None)


def test_without_failed_requests_the_percentiles_of_sent_requests_are_those_of_the_result():
    assert row_of(with_latencies(a_served_result(sent=2, answered=2, failed=0), 10.0, 20.0)).of_sent == {}
    assert row_of(a_result()).of_sent == {}


def test_the_tokens_of_a_request_are_those_of_the_answered_ones():
    result = a_served_result()
    tokens = result.tokens.model_copy(update={"output_tokens": 999, "output_tokens_per_prompt": (16, 16, 13)})
    assert row_of(result.model_copy(update={"tokens": tokens})).output_tokens_per_request == 15.0
    assert row_of(a_result()).output_tokens_per_request == 10.0
