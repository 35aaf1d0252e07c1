"""Tokens, latencies and percentiles, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes import FakeClock, FakeEngine
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.collect.latency import (
    MemoryCollector,
    in_dataset_order,
    inter_token_latencies_ms,
    request_latencies_ms,
)
from llenergymeasure.protocols import Window
from llenergymeasure.records import BatchRecord


def record(lengths=(3, 2), times=(1.1, 1.2, 1.4), tokens=(1, 2, 3)) -> BatchRecord:
    return BatchRecord(
        prompt_indices=tuple(range(len(lengths))),
        input_lengths=(5,) * len(lengths),
        padded_length=5,
        output_ids=tuple(tuple(range(length)) for length in lengths),
        started_s=1.0,
        finished_s=1.5,
        step_times_s=times,
        step_tokens=tokens,
    )


def test_a_request_ends_with_its_own_last_token():
    assert list(request_latencies_ms(record())) == [(0, pytest.approx(400)), (1, pytest.approx(200))]


def test_without_steps_a_request_ends_with_its_batch():
    assert [ms for _, ms in request_latencies_ms(record(times=(), tokens=()))] == [pytest.approx(500)] * 2


def test_under_beam_search_a_request_ends_with_its_batch():
    assert [ms for _, ms in request_latencies_ms(record(), beams=True)] == [pytest.approx(500)] * 2


def test_samples_are_in_dataset_order_pass_after_pass():
    first, second = record(lengths=(3, 2)), record(lengths=(5, 4))
    backwards = [replace(one, prompt_indices=(1, 0)) for one in (first, second)]
    window = Window(1.0, 2.0, 0.0, tuple((one,) for one in backwards), ExperimentConfig(model="m"), engine=None)
    lengths = in_dataset_order(window, lambda one: zip(one.prompt_indices, map(len, one.output_ids)))
    assert lengths == [2, 3, 4, 5]


def test_a_gap_counts_once_per_running_request():
    assert list(inter_token_latencies_ms(record())) == [(pytest.approx(100), 2), (pytest.approx(200), 1)]


def test_a_step_of_several_tokens_spreads_its_time():
    gaps = list(inter_token_latencies_ms(record(lengths=(5,), times=(1.1, 1.4), tokens=(1, 4))))
    assert gaps == [(pytest.approx(100), 3)]


def test_tokens_past_the_end_of_a_request_do_not_count():
    gaps = list(inter_token_latencies_ms(record(lengths=(2,), times=(1.1, 1.4), tokens=(1, 4))))
    assert gaps == [(pytest.approx(100), 1)]


def test_one_token_has_no_gap():
    assert list(inter_token_latencies_ms(record(lengths=(1,), times=(1.1,), tokens=(1,)))) == []


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
