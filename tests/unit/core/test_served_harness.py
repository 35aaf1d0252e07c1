"""The result of a server under traffic, from ramp-up to drain, in numbers that can be checked by hand.

Requests of the fake take 0.2 s for 11 tokens (0.1 s until the first, then 0.01 s each). With 4 streams they are sent every 0.05 s.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from fake_traffic import FakeTraffic
from fakes import FakeHost, FakePrompts, RecordingProgress, a_snapshot
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.collect.latency import LatencyCollector, MemoryCollector, PhaseCollector, TokenCollector
from llenergymeasure.core.collect.traffic.collector import TrafficCollector
from llenergymeasure.core.flops.collectors import ExactFlopsCollector, PalmFlopsCollector
from llenergymeasure.core.harness import open_experiment
from llenergymeasure.core.instruments import Instruments
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import ExperimentError
from llenergymeasure.testing import FakeClock, FakeMeter, metering


class Loader:
    """Loads a fake server."""

    def __init__(self, clock, failing, kind):
        self._clock, self._failing, self._kind = clock, failing, kind

    def load(self, config):
        kind = type("Failing", (self._kind,), {"failing": self._failing}) if self._failing else self._kind
        return kind(config, self._clock)


class CutOff(FakeTraffic):
    """Its failed requests had one text, whose tokens nothing counted."""

    def failed(self, one):
        return replace(super().failed(one), uncounted_times_s=(self.ended_s(one),))


def measure(
    traffic=None, failing=frozenset(), repeats=1, progress=None, kind=FakeTraffic, **fields
) -> ExperimentResult:
    clock = FakeClock()
    parts = Instruments(
        metering=metering(FakeMeter(100.0)),
        prompts=FakePrompts(fields.get("n", 40)),
        snapshot=a_snapshot,
        collectors=(
            TokenCollector(), LatencyCollector(), PhaseCollector(), MemoryCollector(), FakeHost(), PalmFlopsCollector(),
            ExactFlopsCollector(), TrafficCollector(),
        ),
        clock=clock,
        progress=progress or RecordingProgress(),
    )  # fmt: skip
    config = ExperimentConfig(
        **{
            "model": "m", "backend": "server", "server": {"url": "http://x/v1"}, "n": 40, "max_output_tokens": 11,
            "traffic": {"concurrency": 4, **(traffic or {})}, **fields,
        }
    )  # fmt: skip
    with open_experiment(config, Loader(clock, failing, kind), parts) as experiment:
        results = [experiment.measure() for _ in range(repeats)]
    return results[-1]


def test_the_window_lies_inside_the_traffic():
    result = measure()
    # 40 answers, one per 0.05 s
    assert result.duration_sec == pytest.approx(2.0)
    assert result.measurement_methodology == "windowed"
    assert result.steady_state_window is not None
    assert result.traffic.ramp_up_seconds == pytest.approx(0.35)  # the fourth answer: sent at 0.15 s, ended at 0.35 s
    assert result.traffic.drain_seconds == pytest.approx(0.2)


def test_tokens_and_joules_are_those_of_the_window():
    result = measure()
    # in a steady state 4 streams give 11 tokens per 0.2 s each; 100 W for 2 s
    assert result.output_tokens == pytest.approx(4 * 11 / 0.2 * 2.0, abs=1)
    assert result.energy_total_j == pytest.approx(200.0)
    assert result.energy_per_output_token == pytest.approx(200.0 / 440, rel=0.003)
    assert result.traffic.sent == result.n_prompts == 40
    assert result.requests_per_second == pytest.approx(20.0)
    assert result.energy_per_request == pytest.approx(5.0)


def test_latencies_are_whole_although_requests_end_after_the_window():
    latency = measure().latency
    assert (latency.request.min_ms, latency.request.max_ms) == pytest.approx((200, 200))
    assert (latency.ttft.p50_ms, latency.itl.p50_ms) == pytest.approx((100, 10))
    assert latency.itl.count == 40 * 10
    assert latency.queue is None


def test_the_client_reports_on_itself():
    traffic = measure().traffic
    assert (traffic.lag.p50_ms, traffic.client_cpu_share) == pytest.approx((1.0, 0.25))
    assert (traffic.in_flight_start, traffic.in_flight_end) == (4, 4)


def test_limits_give_goodput_and_joules_per_good_request():
    result = measure(slo={"ttft_p99_ms": 100.1, "itl_p99_ms": 10.1, "e2e_p99_ms": 200.1})
    assert (result.slo.good, result.slo.kept) == (40, True)
    assert (result.goodput, result.energy_per_good_request) == pytest.approx((20.0, 5.0))
    late = measure(slo={"ttft_p99_ms": 99.9})
    assert (late.slo.good, late.slo.kept, late.goodput, late.energy_per_good_request) == (0, False, 0.0, None)


def test_failed_requests_are_counted_and_named_and_are_not_good():
    result = measure(failing=frozenset({10, 20}), slo={"e2e_p99_ms": 300})
    assert (result.traffic.sent, result.traffic.answered, result.traffic.failed) == (40, 38, 2)
    assert result.traffic.failures[0].kind == "status_429"
    assert (result.slo.good, result.slo.kept) == (38, False)
    assert "requests_failed" in {warning.code for warning in result.warnings}


def test_text_of_failed_requests_whose_tokens_nothing_counted_is_a_warning_with_its_share():
    result = measure(failing=frozenset({10, 20}), kind=CutOff)
    assert (result.traffic.uncounted_requests, result.traffic.uncounted_tokens) == (2, 2)
    (found,) = [each for each in result.warnings if each.code == "tokens_not_counted"]
    assert found.values["share"] == 2 / (result.output_tokens + 2)


def test_without_an_answer_there_is_no_result_and_the_error_has_the_kinds():
    with pytest.raises(ExperimentError, match=r"no request of the window was answered: 40 x status_429"):
        measure(failing=frozenset(range(200)))


def test_several_passes_are_one_window():
    result = measure(min_duration_seconds=5.0)
    assert (result.n_passes, result.n_prompts, result.traffic.sent) == (3, 120, 120)
    assert result.duration_sec == pytest.approx(6.0)
    assert result.output_tokens == pytest.approx(4 * 11 / 0.2 * 6.0, abs=1)
    assert result.traffic.client_cpu_share == pytest.approx(0.25)


def test_a_pass_without_an_answer_is_a_failed_request_of_the_window():
    """With n: 1, each request of 0.2 s is a pass. One of them fails, and the latencies are those of the others."""
    result = measure({"concurrency": 1}, frozenset({5}), n=1, min_duration_seconds=3.9, slo={"ttft_p99_ms": 101})
    traffic = result.traffic
    assert (result.n_passes, traffic.sent, traffic.answered, traffic.failed) == (20, 20, 19, 1)
    assert result.n_prompts == len(result.tokens.output_tokens_per_prompt) == result.latency.request.count == 19
    assert traffic.slo.good == traffic.answered
    assert result.summary()


def test_passes_without_an_answer_after_the_first_ones_are_a_warning_and_break_a_publication_rule():
    """The server still runs, but answers each request with an error."""
    result = measure(failing=frozenset(range(80, 1000)), min_duration_seconds=15.0)
    assert result.traffic.answered < 0.3 * result.traffic.sent
    assert "requests_failed" in {warning.code for warning in result.warnings}
    assert "all_requests_answered" in {each.rule for each in result.publication_check.of("failed")}


def test_a_window_may_hold_the_whole_traffic():
    result = measure(traffic={"window": "total"})
    assert (result.measurement_methodology, result.steady_state_window) == ("total", None)
    assert (result.traffic.ramp_up_seconds, result.traffic.drain_seconds) == (None, None)
    assert (result.traffic.sent, result.output_tokens) == (40, 440)
    assert result.duration_sec == pytest.approx(2.0)
    assert result.reasons["steady_state_window"] == "traffic.window is total, so the window holds the whole traffic"


def test_the_timeline_has_the_ramp_up_and_the_requests_in_flight():
    timeline = measure().timeline
    assert [phase.name for phase in timeline.phases][-4:] == ["ramp_up", "meter", "window", "drain"]
    assert timeline.running.running[100] == pytest.approx(4.0)


def test_progress_names_prompts_and_no_batches_of_one():
    progress = RecordingProgress()
    measure(progress=progress)
    assert any(step == "measuring 40 prompts" for step in progress.steps)


def test_the_result_is_read_again_and_judged_without_an_error(tmp_path):
    result = measure(slo={"ttft_p99_ms": 200})
    read = ExperimentResult.from_json(result.to_json(tmp_path / "result.json"))
    assert (read.traffic, read.goodput) == (result.traffic, result.goodput)
    assert read.reasons["flops_total"]
    assert read.reasons["phases"] == "a server does not report when it was in prefill and when in decode"
