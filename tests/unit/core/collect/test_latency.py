"""Tokens, latencies and percentiles, by hand."""

from __future__ import annotations

import pytest

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.collect.latency import (
    LatencyCollector,
    MemoryCollector,
    PhaseCollector,
    TokenCollector,
    inter_token_latencies_ms,
    latency_ms,
)
from llenergymeasure.protocols import Window
from llenergymeasure.records import BatchRecord, RequestRecord, RunRecords, requests_of
from llenergymeasure.testing import FakeClock, FakeEngine


def requests(lengths=(3, 2), times=(1.1, 1.2, 1.4), tokens=(1, 2, 3), beams=False):
    """The requests of one static batch."""
    batch = BatchRecord(tuple(range(len(lengths))), 5, 1.0, 1.5, times, tokens)
    return requests_of(batch, 0, (5,) * len(lengths), [tuple(range(length)) for length in lengths], known_at_end=beams)


def request(index=0, output_tokens=3, scheduled_s=1.0, finished_s=2.0, **fields) -> RequestRecord:
    """A request that is in no batch."""
    return RequestRecord(index, 5, output_tokens, scheduled_s, finished_s, **fields)


def collected(*passes, limit=3):
    config = ExperimentConfig(model="m", max_output_tokens=limit)
    window = Window(1.0, 3.0, 0.0, tuple(RunRecords(tuple(one)) for one in passes), config, engine=None)
    return TokenCollector().collect(window), LatencyCollector().collect(window), PhaseCollector().collect(window)


def test_a_request_ends_with_its_own_last_token():
    assert [latency_ms(one) for one in requests()] == [pytest.approx(400), pytest.approx(200)]


def test_without_steps_a_request_ends_with_its_batch():
    assert [latency_ms(one) for one in requests(times=(), tokens=())] == [pytest.approx(500)] * 2


def test_under_beam_search_a_request_ends_with_its_batch():
    assert [latency_ms(one) for one in requests(beams=True)] == [pytest.approx(500)] * 2


def test_samples_are_in_dataset_order_pass_after_pass():
    first = request(1, output_tokens=3), request(0, output_tokens=2)
    second = request(1, output_tokens=5), request(0, output_tokens=4)
    tokens, _, _ = collected(first, second)
    assert tokens.output_tokens_per_prompt == (2, 3, 4, 5)


def test_a_gap_counts_once_per_running_request():
    assert inter_token_latencies_ms(requests()) == [(pytest.approx(100), 2), (pytest.approx(200), 1)]


def test_a_step_of_several_tokens_spreads_its_time():
    gaps = inter_token_latencies_ms(requests(lengths=(5,), times=(1.1, 1.4), tokens=(1, 4)))
    assert gaps == [(pytest.approx(100), 3)]


def test_tokens_past_the_end_of_a_request_do_not_count():
    gaps = inter_token_latencies_ms(requests(lengths=(2,), times=(1.1, 1.4), tokens=(1, 4)))
    assert gaps == [(pytest.approx(100), 1)]


def test_one_token_has_no_gap():
    assert inter_token_latencies_ms(requests(lengths=(1,), times=(1.1,), tokens=(1,))) == []


def test_requests_that_join_later_share_the_gaps_of_the_steps_that_they_take_together():
    early = request(0, token_times_s=(1.1, 1.2, 1.4), token_counts=(1, 2, 3))
    late = request(1, output_tokens=2, scheduled_s=1.1, token_times_s=(1.2, 1.4), token_counts=(1, 2))
    assert inter_token_latencies_ms([early, late]) == [(pytest.approx(100), 1), (pytest.approx(200), 2)]


def test_requests_without_batches_have_counts_latencies_and_phases_of_their_own():
    """Two prompts of 5 tokens, the second scheduled while the first is decoded: 0.2 s + 0.1 s of prefill."""
    first = request(0, output_tokens=3, first_token_s=1.2, finished_s=2.0)
    second = request(1, output_tokens=2, scheduled_s=1.5, first_token_s=1.6, finished_s=2.5)
    tokens, latency, phases = collected([second, first])
    assert (tokens.input_tokens, tokens.output_tokens, tokens.longest_sequence) == (10, 5, 8)
    assert tokens.ended_early_share == 0.5
    assert latency.request_ms == (pytest.approx(1000), pytest.approx(1000))
    assert latency.ttft_ms == (pytest.approx(200), pytest.approx(100))
    assert (latency.itl, latency.queue, tokens.input_tokens_padded) == (None, None, None)
    assert phases.prefill_sec == pytest.approx(0.2 + 0.1)
    assert phases.decode_sec == pytest.approx(0.3 + 0.9)
    assert phases.other_sec == pytest.approx(0.5)


def test_the_time_in_the_queue_is_that_before_the_work():
    waited = [request(0, queued_s=0.5), request(1, scheduled_s=1.5, queued_s=0.5)]
    _, latency, _ = collected(waited)
    assert latency.queue_ms == (pytest.approx(500), pytest.approx(1000))
    assert latency.queue.p50_ms == pytest.approx(750)


class MemoryOf(FakeEngine):
    """An engine that reads its memory in a given way."""

    def __init__(self, source: str) -> None:
        super().__init__(ExperimentConfig(model="m"), FakeClock())
        self._source = source

    def peak_memory_mb(self) -> tuple[float | None, str]:
        return 512.0, self._source


@pytest.mark.parametrize(
    ("source", "scope"), [("cuda_allocated", "devices"), ("process_rss", "process"), ("the peak cannot be reset", None)]
)
def test_memory_has_its_scope(source, scope):
    collector = MemoryCollector()
    collector.stop(MemoryOf(source))
    assert collector.collect(window=None).scope == scope
