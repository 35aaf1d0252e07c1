"""Verdicts on limits of what is not judged."""

from __future__ import annotations

import pytest

from a_baseline import HASH, TEST, a_file, a_folder, a_session, an_entry, machine
from pytest_llem.baseline.entries import Work
from pytest_llem.baseline.repeats import Repeat
from pytest_llem.limits import parse_limit
from pytest_llem.marker import Plan
from pytest_llem.settings import Settings
from pytest_llem.verdict.gate import Case, Gate

UNKNOWN = Work(None, None, None)


def judged(folder, limit: str, windowed: bool, **values: float | None):
    repeats = [Repeat(values, UNKNOWN, 5.0, "counter", windowed=windowed)] * 3
    case = Case(Plan(None, 3, (parse_limit(limit),), TEST), {}, HASH, [repeats], machine())
    return Gate(Settings(), folder, "llem-baselines").judge(case).judgements[0]


@pytest.mark.parametrize("metric", ["output_tokens", "flops_total"])
def test_a_count_in_a_window_of_a_server_says_why_it_is_not_judged(tmp_path, metric):
    found = judged(a_folder(tmp_path), f"{metric}:1%", windowed=True)
    assert found.kind == "not-measured"
    assert found.reason == (
        f"{metric} is not judged: a window of a server is a part of its traffic, not a fixed amount of work"
    )


def test_another_count_that_is_missing_was_not_measured(tmp_path):
    found = judged(a_folder(tmp_path), "flops_total:1%", windowed=False)
    assert found.reason == "flops_total was not measured here"


def test_two_sessions_of_a_server_are_compared_although_their_tokens_are_not(tmp_path):
    entries = {TEST: {HASH: an_entry(a_session(), work=UNKNOWN)}}
    found = judged(
        a_folder(tmp_path, a_file(entries)), "energy_per_output_token:5%", True, energy_per_output_token=10.0
    )
    assert (found.kind in ("ok", "inconclusive"), found.baseline) == (True, pytest.approx(10.0))
