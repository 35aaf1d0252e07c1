"""Traffic in real time on a scripted server over real connections."""

from __future__ import annotations

import statistics
import threading
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from fake_server import CountingTokenizer, a_loaded_server
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.backends.server.client.client import Client
from llenergymeasure.core.backends.server.client.target import Target
from llenergymeasure.core.backends.server.engine import ServerEngine
from llenergymeasure.core.backends.server.requests import Requests
from llenergymeasure.core.backends.server.tokens.whole_texts import WholeTexts
from llenergymeasure.core.collect.stretches import tokens_of
from llenergymeasure.core.collect.traffic.collector import TrafficCollector
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.core.window import measure_window
from llenergymeasure.exceptions import BackendError
from llenergymeasure.protocols import Window
from llenergymeasure.testing import FakeMeter
from llenergymeasure.testing.residue import left_threads
from scripted_server import Step, answer, chunk, error, scripted_server, server_process
from waiting import p99, tried, until

pytestmark = pytest.mark.slow
LAG_S = 0.005


def engine_config(url, **traffic):
    return ExperimentConfig(model="m", backend="server", server={"url": url}, traffic=traffic, max_output_tokens=8)


@contextmanager
def served(url, timeout_s=30.0, **traffic):
    """An engine for the server at an address; afterwards no thread is left."""
    before = set(threading.enumerate())
    clock = SystemClock()
    config = engine_config(url, **traffic)
    server, target = a_loaded_server(url=url), Target(url, timeout_s=timeout_s)
    engine = ServerEngine(server, config, clock, lambda: Client(target, clock.now), Requests(config, server).make)
    try:
        yield engine
    finally:
        engine.release()
        assert left_threads(before) == set()


def window(engine, n):
    """The edges of a window of `n` prompts, and its records."""
    batches = engine.prepare([[20 + index] * 4 for index in range(n)])
    raw = measure_window(engine, batches, FakeMeter(), SystemClock())
    (output,) = raw.passes
    return raw, output.records()


@pytest.mark.parametrize("mode", ["constant", "poisson"])
def test_requests_are_sent_when_they_are_due(mode):
    """The lag is below 5 ms at p99, and the window lasts as long as the schedule."""

    def p99_of_lags_and_seconds():
        with (
            server_process(tokens=8, first_s=0.05, gap_s=0.01) as server,
            served(server.url, mode=mode, rate=100.0) as engine,
        ):
            raw, records = window(engine, 300)
        traffic = records.traffic
        lags_s = [sent_s - due_s for due_s, sent_s in zip(traffic.due_s, traffic.sent_s)]
        assert len(lags_s) == 300
        assert min(lags_s) >= 0
        assert traffic.failures == ()
        assert traffic.client_cpu_s < raw.end_s - raw.start_s
        return p99(lags_s), raw.end_s - raw.start_s

    as_scheduled = pytest.approx(3.0, rel=0.25)
    tried(
        p99_of_lags_and_seconds,
        lambda found: found[0] < LAG_S and found[1] == as_scheduled,
        lambda late_s: p99(late_s) > LAG_S,
    )


def test_a_closed_loop_measures_what_the_server_does():
    def medians():
        with server_process(tokens=8, first_s=0.1, gap_s=0.02) as server, served(server.url, concurrency=8) as engine:
            _, records = window(engine, 64)
        requests = records.requests
        assert [request.output_tokens for request in requests] == [8] * 64
        first_s = [request.first_token_s - request.scheduled_s for request in requests]
        whole_s = [request.finished_s - request.scheduled_s for request in requests]
        assert min(first_s) >= 0.1
        assert min(whole_s) >= 0.1 + 7 * 0.02 - 0.002
        return statistics.median(first_s), statistics.median(whole_s)

    as_scripted = pytest.approx(0.1, abs=0.03), pytest.approx(0.1 + 7 * 0.02, abs=0.05)
    tried(medians, lambda found: found == as_scripted, lambda late_s: p99(late_s) > 2 * LAG_S)


def test_every_fault_of_a_server_is_counted_and_named():
    good = answer(tokens=8, first_s=0.01, gap_s=0.002)
    scripts = {
        "status_429": error(429, "slow down"),
        "status_5xx": error(500, "out of memory"),
        "status_4xx": error(400, "no such model"),
        "reset": good.ends("reset", after=4),
        "closed_early": good.ends("close", after=4),
        "malformed_event": good.with_step(3, Step(0.0, chunk(b"data: {not json\n\n"))),
        "no_tokens": answer(tokens=0),
        "timeout": good.ends("hang", after=4),
    }
    cycle = [script for fault in scripts.values() for script in (fault, good, good)]
    with scripted_server(cycle) as server, served(server.url, timeout_s=15.0, concurrency=6) as engine:
        _, records = window(engine, 4 * len(cycle))
    kinds = Counter(failed.kind for failed in records.traffic.failures)
    sent = len(records.traffic.due_s)
    assert sent == 4 * len(cycle) == len(records.requests) + len(records.traffic.failures)
    assert set(kinds) == set(scripts)
    assert all(2 <= count <= 6 for count in kinds.values()), kinds  # of 4 rounds; the edges of the window may cut two


def traffic_with(usage_each, *tokenizers):
    """The block `traffic` of one window and its output tokens, for each tokenizer. Every third answer ends after 4 of 8 tokens."""
    good = answer(tokens=8, first_s=0.01, gap_s=0.002, usage_each=usage_each)
    with (
        scripted_server([good.ends("close", after=5), good, good]) as running,
        served(running.url, concurrency=4) as engine,
    ):
        raw = measure_window(engine, engine.prepare([[20]] * 24), FakeMeter(), SystemClock())
        config = engine_config(running.url, concurrency=4)
    (output,) = raw.passes
    for tokenizer in tokenizers:
        passes = (replace(output, tokenizer=tokenizer).records(),)
        found = Window(raw.start_s, raw.end_s, 0.0, passes, config, engine=None)
        yield TrafficCollector().collect(found), tokens_of(found)[1]


def test_where_a_server_counts_complete_answers_only_the_missing_tokens_are_those_that_a_tokenizer_counts():
    (traffic, tokens), (named, all_tokens) = traffic_with(False, WholeTexts(), CountingTokenizer())
    # 8 of 24 in the window and some of 8 at its edges; they come to the server in any order.
    assert 4 <= traffic.uncounted_requests <= 16
    assert traffic.uncounted_events <= 4 * traffic.uncounted_requests
    assert (named.uncounted_requests, named.uncounted_tokens) == (0, 0)
    assert all_tokens == tokens + traffic.uncounted_tokens
    assert named.failed == traffic.failed


def test_where_a_server_counts_with_each_event_no_token_is_missing():
    (traffic, tokens), (_, all_tokens) = traffic_with(True, WholeTexts(), CountingTokenizer())
    assert traffic.failed >= 6
    assert (traffic.uncounted_events, tokens) == (0, all_tokens)


def test_a_server_that_dies_in_the_window_ends_it():
    with ExitStack() as running:
        server = running.enter_context(scripted_server([answer(tokens=8, first_s=0.05, gap_s=0.01)]))

        def die():
            until(lambda: len(server.received) > 30)
            running.close()

        threading.Thread(target=die).start()
        with (
            served(server.url, concurrency=4) as engine,
            pytest.raises(BackendError, match=r"has ended.* after \d+ answers"),
        ):
            window(engine, 10_000)


def test_an_engine_that_is_released_under_load_leaves_no_connection():
    with scripted_server([answer(tokens=8, first_s=0.05, gap_s=0.01)]) as server:
        with served(server.url, concurrency=16) as engine:
            engine.ramp_up(engine.prepare([[20]] * 8))
            assert until(lambda: server.connections >= 16)
        assert until(lambda: server.open_connections == 0)
