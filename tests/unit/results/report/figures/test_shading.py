"""The shades behind a figure of the window, and what they mean."""

from __future__ import annotations

from a_result import a_result
from llenergymeasure.domain.timeline import RunningRequests, Timeline
from llenergymeasure.results.report.figures.shading import shading_keys, shading_text


def of(**running):
    return Timeline(running=RunningRequests(part_s=0.1, **running))


def test_an_engine_with_a_scheduler_has_prefill_and_decode():
    timeline = of(prefill=(1.0, 0.0), running=(2.0, 4.0))
    assert [name for _, name in shading_keys(timeline)] == ["prefill", "decode"]
    assert shading_text(timeline) == "of the running requests; the height of the figure is 4 of them"


def test_a_server_has_the_number_of_its_requests():
    timeline = of(running=(2.0, 4.0))
    assert [name for _, name in shading_keys(timeline)] == ["number"]
    assert shading_text(timeline) == "of the running requests; the height of the figure is 4 of them"


def test_static_batches_have_prefill_and_decode():
    timeline = a_result().timeline
    assert [name for _, name in shading_keys(timeline)] == ["prefill", "decode"]
    assert shading_text(timeline) == "of each batch"


def test_without_a_timeline_there_is_no_shade():
    assert shading_text(None) == ""
