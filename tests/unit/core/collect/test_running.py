"""The number of requests at the same time, by hand."""

from __future__ import annotations

import pytest

from a_traffic_window import answered, failed, run_of, traffic_window
from llenergymeasure import ExperimentConfig
from llenergymeasure.core.collect.running import PARTS, running_requests
from llenergymeasure.protocols import Window
from llenergymeasure.records import BatchRecord, RequestRecord, RunRecords, requests_of

# A window from 100 s to 120 s, so that a part has 0.1 s.
START_S, PART_S = 100.0, 0.1


def request(scheduled_s, finished_s, **fields):
    times = {name: START_S + time_s for name, time_s in fields.items()}
    return RequestRecord(0, 4, 3, START_S + scheduled_s, START_S + finished_s, **times)


def running(*requests, batches=()):
    config = ExperimentConfig(model="m")
    return running_requests(
        Window(START_S, START_S + PARTS * PART_S, 0.0, (RunRecords(requests, batches),), config, engine=None)
    )


def test_each_part_has_the_mean_number_of_requests():
    found = running(request(0.0, 0.25), request(0.1, 0.3), request(19.9, 20.0))
    assert found.part_s == pytest.approx(PART_S)
    assert found.running[:4] == pytest.approx((1.0, 2.0, 1.5, 0.0))
    assert found.running[-2:] == pytest.approx((0.0, 1.0))
    assert sum(found.running) * PART_S == pytest.approx(0.25 + 0.2 + 0.1)


def test_requests_in_the_queue_and_in_prefill_are_separate():
    found = running(
        request(0.2, 0.4, queued_s=0.0, first_token_s=0.3), request(0.0, 0.4, queued_s=0.0, first_token_s=0.1)
    )
    assert found.queued[:3] == pytest.approx((1.0, 1.0, 0.0))
    assert found.prefill[:4] == pytest.approx((1.0, 0.0, 1.0, 0.0))


def test_what_one_request_lacks_is_left_out():
    found = running(request(0.2, 0.4, queued_s=0.0, first_token_s=0.3), request(0.0, 0.4))
    assert (found.queued, found.prefill) == ((), ())


def test_the_size_does_not_depend_on_the_number_of_requests():
    found = running(*(request(at / 1000, at / 1000 + 5) for at in range(5000)))
    assert len(found.running) == len(running(request(0, 1)).running) == PARTS
    assert max(found.running) == pytest.approx(5000, rel=0.02)


def test_static_batches_have_their_own_times():
    batch = BatchRecord((0,), 4, START_S, START_S + 1)
    assert running(*requests_of(batch, 0, [4], [(1, 2)]), batches=(batch,)) is None


def test_requests_of_a_server_are_those_in_flight_also_before_and_after_the_window():
    before, inside, after = answered(0, 9.0, 10.5), answered(1, 11.0, 12.0), answered(2, 19.5, 21.0)
    lost = failed(3, 11.0, 11.5)
    found = running_requests(traffic_window(run_of((inside, after), (lost,), (before,))))
    assert (found.queued, found.prefill, found.part_s) == ((), (), pytest.approx(10 / PARTS))
    assert sum(found.running) * found.part_s == pytest.approx(0.5 + 1.0 + 0.5 + 0.5)
    assert found.running[:10] == pytest.approx((1.0,) * 10)


def test_a_request_of_a_server_in_two_runs_counts_once():
    long = answered(1, 11.0, 19.0)
    runs = run_of((long,), end_s=15.0), run_of((), others=(long,), start_s=15.0)
    found = running_requests(traffic_window(*runs))
    assert sum(found.running) * found.part_s == pytest.approx(8.0)
