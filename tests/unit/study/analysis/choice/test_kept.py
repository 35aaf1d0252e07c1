"""Whether a cell keeps limits: by its means, its failed requests and its failed runs."""

from __future__ import annotations

import pytest

from a_traffic_study import CRASH, OVERLOAD, a_traffic_study
from llenergymeasure.domain.study.curves import Mean
from llenergymeasure.domain.study.runs import RunFailure, RunRow
from llenergymeasure.study.analysis.choice.kept import CellRuns, keeps_limits, runs_by_cell

TTFT, ITL = "ttft_p99_ms", "itl_p99_ms"
INSIDE, OUTSIDE = ({TTFT: Mean(value=90, low=80, high=99)}, {TTFT: Mean(value=110, low=101, high=130)})


def a_run(cycle: int = 1, failure: RunFailure | None = None, value: float = 90.0, **fields) -> RunRow:
    state = "completed" if failure is None else "failed"
    values = {TTFT: value} if failure is None else {}
    known = {"state": state, "failure": failure, "values": values, "block": f"cycle {cycle}", "place": cycle}
    return RunRow(**{"run_id": f"01.c{cycle}", "cell": "01", "cycle": cycle, **known, **fields})


def judged(*runs: RunRow, means=INSIDE, limit=100.0) -> tuple[bool | None, bool]:
    return runs_by_cell(runs)["01"].keeps(means, {TTFT: limit})


def test_completed_runs_keep_the_limits_by_their_means():
    assert judged(a_run(1), a_run(2)) == (True, True)
    assert judged(a_run(1), a_run(2), means=OUTSIDE) == (False, True)


@pytest.mark.parametrize("kind", ["invalid", "out_of_memory", "timeout", "hung", "killed", "crash", "error"])
def test_a_run_that_failed_leaves_it_undecided(kind):
    failure = RunFailure(kind=kind, message="it failed")
    assert judged(a_run(1), a_run(2, failure)) == (None, False)
    assert judged(a_run(1, failure), means={}) == (None, False)
    assert judged(a_run(1), a_run(2, failure), means=OUTSIDE) == (False, True)


def test_a_run_that_was_not_tried_after_a_failure_counts_as_failed():
    skipped = a_run(2, CRASH, state="skipped")
    assert judged(a_run(1), skipped) == (None, False)


def test_a_server_that_answered_nothing_does_not_keep_the_limits():
    assert judged(a_run(1), a_run(2, OVERLOAD)) == (False, False)
    assert judged(a_run(1, OVERLOAD), a_run(2, OVERLOAD), means={}) == (False, True)
    assert judged(a_run(1), a_run(2, OVERLOAD), means=OUTSIDE) == (False, True)


@pytest.mark.parametrize(
    ("shares", "answer"),
    [
        ((0.01, 0.01), (True, True)),
        ((0.02, 0.02), (False, True)),
        ((0.03, 0.0), (False, False)),
        ((0.015, 0.0), (True, True)),
    ],
)
def test_more_than_one_percent_of_failed_requests_breaks_the_limits(shares, answer):
    assert judged(*(a_run(cycle, failed_share=share) for cycle, share in enumerate(shares, 1))) == answer


def test_failed_requests_count_as_later_than_all_others():
    """Geometric means: of 90 and 110 ms it is 99.5 ms, of 90 and 112 ms 100.4 ms."""
    inside = a_run(2, failed_share=0.005, of_sent={TTFT: 110.0})
    assert judged(a_run(1, failed_share=0.0), inside) == (True, True)
    outside = a_run(2, failed_share=0.005, of_sent={TTFT: 112.0})
    assert judged(a_run(1, failed_share=0.0), outside) == (False, False)
    assert judged(a_run(1, failed_share=0.0), a_run(2, failed_share=0.005, of_sent={TTFT: None})) == (False, False)


def test_percentiles_of_all_sent_requests_of_other_metrics_do_not_matter():
    assert judged(a_run(1, failed_share=0.005, of_sent={"request_p99_ms": 1e9})) == (True, True)


def served_without_intervals(cycle: int = 1, **fields) -> RunRow:
    return a_run(cycle, **{"failed_share": 0.0, "values": {TTFT: 90.0, ITL: None}, **fields})


def test_a_cell_of_a_server_without_intervals_between_tokens_keeps_their_limit():
    runs = runs_by_cell([served_without_intervals(1), served_without_intervals(2)])["01"]
    assert runs.keeps(INSIDE, {ITL: 1.0}) == (True, True)
    assert runs.keeps(INSIDE, {TTFT: 100.0, ITL: 1.0}) == (True, True)
    assert runs.keeps(OUTSIDE, {TTFT: 100.0, ITL: 1.0}) == (False, True)
    assert runs.keeps({}, {TTFT: 100.0, ITL: 1.0}) == (None, False)
    failing = runs_by_cell([served_without_intervals(1, failed_share=0.02)])["01"]
    assert failing.keeps(INSIDE, {ITL: 1.0}) == (False, True)


def test_elsewhere_an_inter_token_latency_that_is_not_known_keeps_no_limit():
    not_served = runs_by_cell([served_without_intervals(failed_share=None)])["01"]
    assert not_served.keeps(INSIDE, {ITL: 1.0}) == (None, False)
    assert CellRuns().keeps({}, {ITL: 1.0}) == (None, False)
    one_has = runs_by_cell([served_without_intervals(1), served_without_intervals(2, values={ITL: 20.0})])["01"]
    assert one_has.keeps({ITL: Mean(value=20)}, {ITL: 1.0}) == (False, False)


def test_without_limits_there_is_no_answer():
    assert runs_by_cell([a_run(1), a_run(2, OVERLOAD)])["01"].keeps(INSIDE, {}) == (None, False)


def test_a_cell_without_runs_has_no_answer():
    assert CellRuns().keeps({}, {TTFT: 100.0}) == (None, False)


def test_only_runs_of_the_grid_that_have_ended_are_counted():
    rows = [a_run(1), a_run(2, state="pending", values={}), a_run(3, CRASH), a_run(4, role="control_first")]
    found = runs_by_cell(rows)["01"]
    assert ([row.cycle for row in found.completed], [row.cycle for row in found.failed]) == ([1], [3])
    assert (found.reason, found.unanswered) == (CRASH.message, 0)
    assert runs_by_cell(a_traffic_study().runs).keys() == {"01", "02", "03", "04"}


@pytest.mark.parametrize(
    ("mean", "answer"),
    [
        (Mean(value=90, low=80, high=99), (True, True)),
        (Mean(value=90, low=80, high=101), (True, False)),
        (Mean(value=110, low=95, high=130), (False, False)),
        (Mean(value=110, low=101, high=130), (False, True)),
        (Mean(value=90), (True, False)),
    ],
)
def test_a_limit_is_certain_where_the_interval_is_on_one_side(mean, answer):
    assert keeps_limits({TTFT: mean}, {TTFT: 100.0}) == answer


def test_a_limit_is_at_least_where_higher_is_better():
    assert keeps_limits({"goodput": Mean(value=4, low=3.5, high=4.5)}, {"goodput": 3.0}) == (True, True)
    assert keeps_limits({"goodput": Mean(value=4, low=3.5, high=4.5)}, {"goodput": 4.2}) == (False, False)
