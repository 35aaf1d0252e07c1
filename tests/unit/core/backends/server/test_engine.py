"""The window of a server lies inside the traffic. A request takes 0.5 s to its first token and 0.125 s for each of three more."""

from __future__ import annotations

import pytest

from fake_server import FakeLoop, FakeServer, an_engine
from llenergymeasure.core.backends.server.traffic.load import LOOK_S
from llenergymeasure.core.window import measure_window
from llenergymeasure.exceptions import BackendError
from llenergymeasure.protocols import TrafficEngine
from llenergymeasure.testing import FakeClock, FakeMeter

REQUEST_S = 0.875
PROMPTS = [[11] * (index + 1) for index in range(4)]


class WithoutTimeOfDay(FakeClock):
    """Its time of day must not be read."""

    def utc_now(self):
        raise AssertionError("the time of day was read")


class Served:
    """An engine, its server, and the window that it was measured in."""

    def __init__(
        self, prompts=PROMPTS, origin_s=0.0, clock=None, server=None, fields=None, min_duration_s=None, **traffic
    ):
        self.clock = clock or FakeClock()
        self.server = FakeServer(self.clock, **(server or {}))
        self.loop = FakeLoop(self.clock, origin_s)
        self.engine = an_engine(self.server, self.clock, self.loop, fields, min_duration_s, **traffic)
        self._min_duration_s = min_duration_s
        self.batches = self.engine.prepare(prompts)

    def measure(self):
        """The window, and the records of its passes."""
        raw = measure_window(self.engine, self.batches, FakeMeter(), self.clock, min_duration_s=self._min_duration_s)
        return raw, [output.records() for output in raw.passes]

    def window(self):
        """The records of a window of one pass."""
        _, (records,) = self.measure()
        return records

    def prompts_sent(self):
        return [asked.prompt_index for asked in self.server.asked]


def ended_at(clock, end_s, why="the server ended with exit code 9"):
    """The fields of a server that was started here, and whose exit code is known from a time on."""
    return {"command": ("serve",), "why_ended": lambda: why if clock.now() >= end_s else None}


@pytest.fixture
def served():
    made = []

    def make(**options):
        made.append(Served(**options))
        return made[-1]

    yield make
    for one in made:
        one.engine.release()


def test_it_is_an_engine_with_traffic(served):
    one = served()
    assert isinstance(one.engine, TrafficEngine)
    assert one.engine.is_steady
    assert not served(window="total").engine.is_steady


def test_every_prompt_is_a_batch_of_its_own(served):
    assert [(batch.prompt_indices, batch.padded_length) for batch in served().batches] == [
        ((0,), 1), ((1,), 2), ((2,), 3), ((3,), 4),
    ]  # fmt: skip


def test_a_closed_loop_keeps_its_requests_in_flight(served):
    one = served(concurrency=3)
    one.window()
    assert one.server.most_in_flight == 3
    ends = [sent_s + REQUEST_S for sent_s in one.server.sent_s]
    assert one.server.sent_s == [100.0] * 3 + ends[: len(ends) - 3]


def test_the_window_opens_after_the_ramp_up_and_ends_after_as_many_answers_as_there_are_prompts(served):
    raw, (records,) = served(concurrency=2).measure()
    assert (raw.start_s, raw.end_s) == (100 + REQUEST_S, 100 + 3 * REQUEST_S)
    assert (records.traffic.start_s, records.traffic.end_s) == (raw.start_s, raw.end_s)
    assert raw.reading.energy_j == pytest.approx(200 * REQUEST_S)


def test_the_ramp_up_lasts_for_the_answers_that_are_set(served):
    raw, _ = served(concurrency=2, ramp_up_requests=5).measure()
    assert raw.start_s == 100 + 3 * REQUEST_S


def test_the_requests_of_the_window_are_those_that_were_sent_in_it_each_prompt_once(served):
    records = served(concurrency=2).window()
    assert sorted(request.prompt_index for request in records.requests) == [0, 1, 2, 3]
    assert records.traffic.sent_s == (100 + 2 * REQUEST_S,) * 2 + (100 + 3 * REQUEST_S,) * 2


def test_a_request_has_its_times_and_its_tokens(served):
    request = served(concurrency=2).window().requests[0]
    sent_s = 100 + 2 * REQUEST_S
    assert (request.queued_s, request.scheduled_s) == (sent_s, sent_s)
    assert request.token_times_s == (sent_s + 0.5, sent_s + 0.625, sent_s + 0.75, sent_s + 0.875)
    assert (request.first_token_s, request.finished_s) == (sent_s + 0.5, sent_s + 0.875)
    assert request.token_counts == (1, 2, 3, 4)
    assert (request.input_tokens, request.output_tokens, request.end) == (7, 4, "length")


def test_tokens_of_requests_that_were_sent_before_the_window_are_known(served):
    """Two requests were in flight when the window opened; all of the 4 + 4 + 8 tokens in it are there."""
    records = served(concurrency=2).window()
    traffic = records.traffic
    assert len(traffic.others) == 2
    times_s = [time_s for one in (*records.requests, *traffic.others) for time_s in one.token_times_s]
    assert sum(traffic.start_s < time_s <= traffic.end_s for time_s in times_s) == 16


def test_the_load_stays_on_until_the_last_request_of_the_window_has_ended(served):
    one = served(concurrency=2)
    raw, (records,) = one.measure()
    last_s = max(request.finished_s for request in records.requests)
    assert last_s == raw.end_s + REQUEST_S
    assert sum(raw.end_s < sent_s <= last_s for sent_s in one.server.sent_s) == 2
    assert one.clock.now() == last_s
    assert one.server.in_flight == 0
    assert one.loop.tasks() == 0


def test_prompts_are_used_in_order_again_and_again(served):
    one = served(concurrency=2, ramp_up_requests=3)
    one.window()
    assert one.prompts_sent() == [index % 4 for index in range(len(one.server.asked))]
    assert len(one.server.asked) > 8


def test_every_request_has_a_number_of_its_own_also_in_another_window(served):
    one = served(concurrency=2)
    one.engine.run(one.batches, max_new_tokens=1)
    one.window()
    one.window()
    numbers = [asked.body.split(b":")[0] for asked in one.server.asked]
    assert len(set(numbers)) == len(numbers) > 20


def test_a_constant_rate_sends_each_request_when_it_is_due(served):
    one = served(mode="constant", rate=4.0, prompts=PROMPTS * 5)
    raw, (records,) = one.measure()
    assert one.server.sent_s == [100 + index / 4 for index in range(len(one.server.sent_s))]
    assert records.traffic.due_s == records.traffic.sent_s
    assert len(records.traffic.due_s) == 20
    assert raw.end_s - raw.start_s == pytest.approx(20 / 4)


@pytest.mark.parametrize("seed", range(5))
def test_the_window_of_a_poisson_process_holds_its_requests_and_no_others(served, seed):
    one = served(mode="poisson", rate=4.0, seed=seed, prompts=PROMPTS * 5)
    raw, (records,) = one.measure()
    later = [sent_s for sent_s in one.server.sent_s if sent_s > raw.start_s]
    assert list(records.traffic.due_s) == pytest.approx(later[:20])
    assert later[19] <= raw.end_s <= later[20] + 1e-9


def test_the_window_of_a_poisson_process_is_as_long_as_its_requests_take_at_the_rate_or_as_near_as_they_allow(served):
    lengths = []
    for seed in range(40):
        raw, _ = served(mode="poisson", rate=4.0, seed=seed, prompts=PROMPTS * 5).measure()
        lengths.append(raw.end_s - raw.start_s)
    assert sum(lengths) / len(lengths) == pytest.approx(20 / 4, rel=0.1)
    assert sum(length == pytest.approx(20 / 4) for length in lengths) >= 3


def test_a_rate_needs_a_tenth_of_the_requests_as_ramp_up(served):
    one = served(mode="constant", rate=4.0, prompts=PROMPTS * 10)
    raw, _ = one.measure()
    assert raw.start_s == 100 + 3 * 0.25 + REQUEST_S  # the fourth answer


def test_a_slow_server_does_not_slow_an_open_loop_down(served):
    one = served(mode="constant", rate=16.0, prompts=PROMPTS * 5)
    records = one.window()
    assert records.traffic.due_s == records.traffic.sent_s
    assert one.server.most_in_flight == REQUEST_S * 16


def test_the_same_seed_sends_at_the_same_times(served):
    times = []
    for seed in (1, 1, 2):
        one = served(mode="poisson", rate=4.0, seed=seed)
        one.window()
        times.append(one.server.sent_s[:5])
    assert times[0] == times[1] != times[2]


def test_failures_are_kept_and_nothing_is_sent_again(served):
    one = served(concurrency=2, server={"failures": {4: "status_429", 6: "reset"}})
    records = one.window()
    assert [(failed.kind, failed.status) for failed in records.traffic.failures] == [
        ("status_429", 429),
        ("reset", None),
    ]
    assert sorted(request.prompt_index for request in records.requests) == [1, 3]
    assert len(records.traffic.due_s) == 4
    failed = records.traffic.failures[0]
    assert failed.ended_s - failed.sent_s == 0.25
    assert failed.message == "it was status_429"


def test_a_failure_before_the_window_is_not_of_the_window(served):
    records = served(concurrency=2, server={"failures": {0: "status_5xx"}}).window()
    assert records.traffic.failures == ()
    assert len(records.requests) == 4


def test_a_ramp_up_without_an_answer_is_an_error_with_the_failures_by_kind(served):
    one = served(concurrency=2, server={"failures": lambda number: "status_429" if number % 4 else "status_5xx"})
    with pytest.raises(
        BackendError, match=r"all 20 requests of the ramp-up to http://127.0.0.1:8000/v1 failed: status_429: 15 "
    ):
        one.measure()


def test_a_ramp_up_in_which_hardly_any_request_is_answered_is_an_error(served):
    one = served(concurrency=2, server={"failures": lambda number: None if number == 3 else "status_429"})
    with pytest.raises(BackendError, match="19 of 20 requests of the ramp-up"):
        one.measure()


def test_a_window_without_an_answer_is_an_error(served):
    one = served(concurrency=2, server={"failures": lambda number: "no_tokens" if number > 3 else None})
    with pytest.raises(BackendError, match=r"all 4 requests to .* failed: no_tokens: 4 \(it was no_tokens\)"):
        one.measure()


@pytest.mark.parametrize("traffic", [{"concurrency": 2}, {"mode": "constant", "rate": 4.0}])
def test_a_server_that_dies_in_the_window_ends_it(served, traffic):
    one = served(prompts=PROMPTS * 50, server={"dies_s": 105.0}, **traffic)
    with pytest.raises(BackendError, match=r"has ended, or accepts no connections, after \d+ answers: refused: \d+ "):
        one.measure()
    assert one.clock.now() < 109
    one.engine.release()
    assert one.loop.tasks() == 0


def test_a_started_server_that_dies_says_why(served):
    """Its exit code is known a moment after its connections were lost."""
    clock = FakeClock()
    fields = ended_at(clock, 105.1, "the server ended with exit code 3; its last lines:\n  out of memory")
    one = served(concurrency=2, prompts=PROMPTS * 50, clock=clock, server={"dies_s": 105.0}, fields=fields)
    with pytest.raises(
        BackendError,
        match=r"after \d+ answers from .* and failed requests \(refused.*, the server ended with exit code 3; its last lines:\n",
    ):
        one.measure()


LOW_RATE = {"mode": "constant", "rate": 0.02}


def test_a_started_server_that_dies_between_two_requests_is_noticed_at_once(served):
    """Requests are due at 100, 150 and 200 s."""
    clock = FakeClock()
    one = served(clock=clock, server={"dies_s": 120.0}, fields=ended_at(clock, 120.0), **LOW_RATE)
    with pytest.raises(BackendError, match=r"after 1 answer from .*, the server ended with exit code 9"):
        one.measure()
    assert clock.now() < 120.0 + 2 * LOOK_S
    one.engine.release()
    assert one.loop.tasks() == 0


def test_a_started_server_that_dies_after_the_last_request_of_the_window_was_sent_is_an_error(served):
    """The only request of the window is sent at 150 s, and the window ends at 150.875 s."""
    clock = FakeClock()
    fields = ended_at(clock, 150.1)
    one = served(clock=clock, prompts=PROMPTS[:1], server={"dies_s": 150.1}, fields=fields, **LOW_RATE)
    with pytest.raises(BackendError, match="exit code 9"):
        one.measure()
    assert clock.now() < 150.875


def test_a_running_server_that_dies_is_noticed_by_the_time_without_a_connection(served):
    """Requests are due every 5 s; those at 120, 125 and 130 s are refused."""
    one = served(prompts=PROMPTS * 50, server={"dies_s": 118.0}, mode="constant", rate=0.2)
    with pytest.raises(BackendError, match=r"has ended, or accepts no connections, after 4 answers: refused: 3 "):
        one.measure()
    assert one.clock.now() < 131


def test_nothing_looks_after_a_started_server_when_its_requests_have_ended(served):
    clock = FakeClock()
    one = served(clock=clock, concurrency=2, window="total", fields=ended_at(clock, 1e6))
    one.measure()
    assert one.loop.tasks() == 0


@pytest.mark.parametrize("kind", ["status_4xx", "timeout"])
def test_the_error_has_the_output_of_a_started_server_which_is_in_no_other_place(served, kind):
    output = "its last lines:\n  ERROR: the prompt is too long"
    fields = {"command": ("serve",), "output": lambda: output}
    one = served(concurrency=2, server={"failures": lambda number: kind}, fields=fields)
    with pytest.raises(BackendError) as caught:
        one.measure()
    assert str(caught.value).endswith(output)


def test_a_server_that_dies_after_the_window_is_a_failure_of_its_last_requests(served):
    """The window has ended at 102.625 s with two requests just sent."""
    one = served(concurrency=2, server={"dies_s": 103.0})
    raw, (records,) = one.measure()
    assert raw.end_s == 102.625
    assert [failed.kind for failed in records.traffic.failures] == ["reset", "reset"]
    assert len(records.requests) == 2


def test_a_server_that_hangs_is_an_error_after_two_timeouts(served):
    one = served(
        concurrency=2, prompts=PROMPTS * 50, server={"failures": lambda number: "timeout" if number > 5 else None}
    )
    expected = r"one after the other, and answered none in between, after 6 answers: timeout: .*request_timeout"
    with pytest.raises(BackendError, match=expected):
        one.measure()
    assert one.clock.now() < 230


def test_one_request_that_times_out_is_a_failure_also_where_no_other_is_in_flight(served):
    one = served(concurrency=1, prompts=PROMPTS * 2, server={"failures": {4: "timeout"}})
    window = one.window()
    assert [failed.kind for failed in window.traffic.failures] == ["timeout"]
    assert len(window.requests) == 7


def test_a_request_that_times_out_beside_others_is_a_failure(served):
    one = served(concurrency=2, server={"failures": {4: "timeout"}})
    assert [failed.kind for failed in one.window().traffic.failures] == ["timeout"]


def test_two_windows_in_one_opening_each_have_their_own_traffic(served):
    one = served(mode="poisson", rate=4.0)
    first, second = one.window(), one.window()
    assert sorted(request.prompt_index for request in second.requests) == [0, 1, 2, 3]
    assert second.traffic.start_s > max(request.finished_s for request in first.requests)
    gaps = [[time_s - times[0] for time_s in times] for times in (first.traffic.due_s, second.traffic.due_s)]
    assert gaps[0] == pytest.approx(gaps[1])
    assert one.server.closed == 0


def test_a_longer_window_is_made_of_stretches_without_a_gap(served):
    raw, passes = served(concurrency=2, min_duration_s=4.0).measure()
    edges = [(one.traffic.start_s, one.traffic.end_s) for one in passes]
    assert len(passes) == 3
    assert [end for _, end in edges[:-1]] == [start for start, _ in edges[1:]]
    assert (edges[0][0], edges[-1][1]) == (raw.start_s, raw.end_s)
    assert [sorted(request.prompt_index for request in one.requests) for one in passes] == [[0, 1, 2, 3]] * 3


def test_a_total_window_holds_all_of_its_traffic(served):
    one = served(concurrency=2, window="total")
    raw, (records,) = one.measure()
    assert (raw.start_s, raw.end_s) == (100.0, 100 + 2 * REQUEST_S)
    assert [request.prompt_index for request in records.requests] == [0, 1, 2, 3] == one.prompts_sent()
    assert records.traffic.others == ()


def test_a_total_window_at_a_rate_ends_with_the_last_answer(served):
    raw, (records,) = served(mode="constant", rate=4.0, window="total").measure()
    assert raw.end_s - raw.start_s == 3 / 4 + REQUEST_S
    assert records.traffic.due_s == (100.0, 100.25, 100.5, 100.75)


def test_a_total_window_without_an_answer_is_an_error(served):
    with pytest.raises(BackendError, match="all 4 requests to"):
        served(window="total", server={"failures": lambda number: "status_5xx"}).measure()


@pytest.mark.parametrize("window", ["steady_state", "total"])
def test_whether_a_server_answers_is_judged_over_all_passes(served, window):
    one = served(
        prompts=PROMPTS[:1], server={"failures": {3: "status_5xx"}}, min_duration_s=7.5 * REQUEST_S, window=window
    )
    _, passes = one.measure()
    assert [len(records.requests) for records in passes].count(0) == 1
    assert sum(len(records.requests) for records in passes) == len(passes) - 1 == 8


@pytest.mark.parametrize("window", ["steady_state", "total"])
@pytest.mark.parametrize(
    ("kind", "concurrency", "error", "within_s"),
    [
        ("refused", 4, "has ended, or accepts no connections, after 12 answers: refused: ", 10),
        ("refused", 1, "has ended, or accepts no connections, after 12 answers: refused: ", 20),
        ("timeout", 4, "answered none in between, after 12 answers: timeout: ", 130),
    ],
)
def test_a_server_that_answers_no_more_after_the_first_passes_ends_the_window(
    served, window, kind, concurrency, error, within_s
):
    failures = {"failures": lambda number: kind if number >= 12 else None}
    one = served(concurrency=concurrency, server=failures, min_duration_s=600.0, window=window)
    with pytest.raises(BackendError, match=error):
        one.measure()
    assert one.clock.now() < 100 + within_s


def test_the_answers_of_all_passes_are_in_the_error_of_a_server_that_dies_in_a_later_one(served):
    one = served(concurrency=2, prompts=PROMPTS * 8, server={"dies_s": 120.0}, min_duration_s=60.0, window="total")
    with pytest.raises(BackendError, match=r"has ended, or accepts no connections, after 4[0-9] answers: "):
        one.measure()


def test_passes_without_any_answer_are_an_error_with_all_of_their_failures(served):
    failures = dict.fromkeys(range(1, 9), "status_5xx")
    one = served(prompts=PROMPTS[:1], server={"failures": failures}, min_duration_s=0.6)
    with pytest.raises(BackendError, match=r"all 3 requests to .* failed: status_5xx: 3 "):
        one.measure()


def test_a_warm_up_asks_for_its_length_and_is_no_traffic(served):
    one = served(concurrency=2)
    records = one.engine.run(one.batches[2:3], max_new_tokens=1).records()
    assert [asked.body for asked in one.server.asked] == [b"4: prompt 2 of 3 tokens, 1"]
    assert [request.prompt_index for request in records.requests] == [2]


@pytest.mark.parametrize(
    ("kind", "failure", "may_pass"),
    [("status_5xx", "unanswered", True), ("timeout", "unanswered", False), ("status_4xx", "error", False)],
)
def test_the_failure_of_a_single_request_says_whether_it_may_pass(served, kind, failure, may_pass):
    one = served(concurrency=2, server={"failures": {0: kind}})
    with pytest.raises(BackendError, match=rf"^the request of the warm-up to http.* failed: {kind}: 1 ") as raised:
        one.engine.run(one.batches[:1], max_new_tokens=1)
    assert (raised.value.failure_kind, getattr(raised.value, "may_pass", False)) == (failure, may_pass)


def test_only_the_clock_of_the_measurement_matters(served):
    """The loop has a clock of its own with another origin, and the time of day, which may jump, is not read."""
    traffic = {"mode": "poisson", "rate": 4.0, "seed": 5}
    expected = served(**traffic).window()
    one = served(origin_s=1e6, clock=WithoutTimeOfDay(), **traffic)
    found = one.window()
    assert found.traffic.due_s == pytest.approx(expected.traffic.due_s)
    assert found.requests[0].token_times_s == pytest.approx(expected.requests[0].token_times_s)


def test_an_error_of_this_program_is_raised_and_not_waited_for(served):
    one = served(concurrency=2, server={"failures": lambda number: 1 // 0})
    with pytest.raises(ZeroDivisionError):
        one.measure()


def test_release_ends_the_load_the_client_and_the_server(served):
    given_back = []
    one = served(concurrency=2, fields={"give_back": lambda: given_back.append(1)})
    one.engine.ramp_up(one.batches)
    one.engine.release()
    assert (one.server.in_flight, one.server.closed, given_back) == (0, 1, [1])
    with pytest.raises(RuntimeError, match="released"):
        one.engine.run(one.batches)


def test_a_failed_run_without_traffic_leaves_nothing_in_flight_after_release(served):
    one = served(concurrency=4, window="total", server={"failures": {0: "timeout"}})
    with pytest.raises(KeyboardInterrupt):
        one.loop.interrupted_at(101.0, lambda: one.engine.run(one.batches))
    assert one.server.in_flight > 0
    one.engine.release()
    assert (one.server.in_flight, one.server.closed, one.loop.tasks()) == (0, 1, 0)


def test_drain_is_safe_twice(served):
    one = served(concurrency=2)
    one.window()
    one.engine.drain()
    assert one.loop.tasks() == 0
