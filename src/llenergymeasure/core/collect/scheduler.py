"""Sums the counters of an engine's scheduler over the passes of the window."""

from __future__ import annotations

from llenergymeasure.domain.measurements import SchedulerResult
from llenergymeasure.protocols import Window

MEGABYTE = 1e6


def scheduler_of(window: Window) -> SchedulerResult | None:
    """The counters of all passes, and the size of the KV cache; None for an engine without a scheduler."""
    counted = [one.scheduler for one in window.passes if one.scheduler is not None]
    if not counted:
        return None
    settings = window.engine.info.effective_settings
    cache_bytes = settings.get("kv_cache_bytes")
    looked_up, found = sum(one.prefix_tokens for one in counted), sum(one.cached_tokens for one in counted)
    return SchedulerResult(
        preemptions=sum(one.preemptions for one in counted),
        kv_cache_peak_share=max(one.cache_usage for one in counted),
        kv_cache_tokens=settings.get("kv_cache_tokens"),
        kv_cache_mb=None if cache_bytes is None else cache_bytes / MEGABYTE,
        cached_tokens=found,
        prefix_cache_hit_rate=found / looked_up if looked_up else None,
    )
