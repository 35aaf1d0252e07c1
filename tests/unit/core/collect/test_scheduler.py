"""Counters of a scheduler are those of the whole window; an engine without one has none."""

from __future__ import annotations

from types import SimpleNamespace

from llenergymeasure.core.collect.scheduler import scheduler_of
from llenergymeasure.records import RunRecords, SchedulerRecord


def window(*records, settings=None):
    passes = tuple(RunRecords(requests=(), scheduler=record) for record in records)
    return SimpleNamespace(
        passes=passes, engine=SimpleNamespace(info=SimpleNamespace(effective_settings=settings or {}))
    )


def test_an_engine_with_static_batches_has_none():
    assert scheduler_of(window(None, None)) is None


def test_counters_of_all_passes_are_summed_and_the_fullest_cache_is_kept():
    found = scheduler_of(window(SchedulerRecord(2, 0.5, 100, 20), SchedulerRecord(1, 0.75, 100, 40)))
    assert (found.preemptions, found.kv_cache_peak_share, found.cached_tokens) == (3, 0.75, 60)
    assert found.prefix_cache_hit_rate == 0.3


def test_without_a_prefix_cache_there_is_no_hit_rate():
    assert scheduler_of(window(SchedulerRecord(0, 0.5))).prefix_cache_hit_rate is None


def test_the_size_of_the_cache_is_what_the_engine_reports():
    found = scheduler_of(
        window(SchedulerRecord(0, 0.5), settings={"kv_cache_tokens": 2048, "kv_cache_bytes": 3_000_000})
    )
    assert (found.kv_cache_tokens, found.kv_cache_mb) == (2048, 3.0)
