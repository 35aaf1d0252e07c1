"""The contract of every engine whose window can lie inside its traffic, as a class of tests."""

from __future__ import annotations

import threading

from llenergymeasure.core.collect.check_records import checked_passes
from llenergymeasure.core.collect.stretches import Stretch, in_flight
from llenergymeasure.protocols import TrafficEngine
from llenergymeasure.records import RequestRecord, RunRecords, TrafficRecord
from llenergymeasure.testing.engine_contract import EngineBench
from llenergymeasure.testing.residue import children, left_threads

# A stretch ends within this time in s of the return of `run`.
EDGE_S = 0.05


class TrafficContract:
    """Tests of a `TrafficEngine`, beside those of `EngineContract`.

    Derive a class from it, beside a fixture `traffic_bench` that gives an `EngineBench`. Its configuration has constant work
    (`min_output_tokens` equal to `max_output_tokens`) and at least two requests in flight, so that some are at each edge of a run.
    """

    def test_its_window_lies_inside_its_traffic(self, traffic_bench: EngineBench) -> None:
        """It has the members of `TrafficEngine`, and says that it is steady."""
        assert isinstance(traffic_bench.engine, TrafficEngine), "it lacks a member of TrafficEngine"
        assert traffic_bench.engine.is_steady, "is_steady is False"

    def test_its_records_are_possible_and_complete(self, traffic_bench: EngineBench) -> None:
        """Every request that was sent in a run is in its records, and those that were sent before it are among the others."""
        for stretch in _runs(traffic_bench, 2):
            before = [one for one in stretch.traffic.others if one.scheduled_s < stretch.traffic.start_s]
            assert before, "no request was in flight when the run began"
            assert stretch.records.requests, "no request was sent in the run"

    def test_a_run_lasts_as_long_as_its_call(self, traffic_bench: EngineBench) -> None:
        """The run begins when `run` is called, and ends when it returns."""
        for stretch in _runs(traffic_bench, 2):
            early_s, late_s = stretch.traffic.start_s - stretch.start_s, stretch.end_s - stretch.traffic.end_s
            assert early_s <= EDGE_S, f"the run began {early_s:.3g} s after its call"
            assert late_s <= EDGE_S, f"the run ended {late_s:.3g} s before its return"

    def test_every_token_is_counted_once(self, traffic_bench: EngineBench) -> None:
        """A request that is in two runs has the same tokens in both, so that each of its tokens is in one of them."""
        first, second = _runs(traffic_bench, 2)
        sent, later = _by_sending(first), _by_sending(second)
        both = set(sent) & set(later)
        assert both, "no request was in flight between two runs"
        assert all(sent[key] == later[key] for key in both), "a request has other tokens in the records of the next run"
        again = {_key(one) for one in first.records.requests} & {_key(one) for one in second.records.requests}
        assert not again, "a request is among those that were sent in both runs"

    def test_it_has_work_until_the_end_of_a_run(self, traffic_bench: EngineBench) -> None:
        """The load is the same at both edges: the last requests of a run do not have the server for themselves."""
        for stretch in _runs(traffic_bench, 2):
            living = in_flight(stretch, stretch.traffic.end_s)
            wanted = traffic_bench.config.traffic_settings.effective_concurrency or 1
            assert living >= wanted - 1, f"{living} of {wanted} requests were in flight at the end of a run"

    def test_it_is_idle_after_draining(self, traffic_bench: EngineBench) -> None:
        """Draining twice does nothing more, and a further run is possible."""
        engine = _traffic_engine(traffic_bench)
        _runs(traffic_bench, 1)
        engine.drain()
        traffic_bench.run()
        _runs(traffic_bench, 1)

    def test_release_ends_its_traffic(self, traffic_bench: EngineBench) -> None:
        """It may be released in the middle of its traffic, as after an error or an interrupt, and leaves nothing."""
        threads, processes = set(threading.enumerate()), children()
        _traffic_engine(traffic_bench).ramp_up(traffic_bench.prepare())
        traffic_bench.load_again()
        traffic_bench.run()
        assert len(children()) <= len(processes), "release left a process"
        assert not [thread for thread in left_threads(threads) if not thread.daemon], "release left a thread"


def _traffic_engine(bench: EngineBench) -> TrafficEngine:
    assert isinstance(bench.engine, TrafficEngine), "it lacks a member of TrafficEngine"
    return bench.engine


def _runs(bench: EngineBench, count: int) -> tuple[Stretch, ...]:
    """Ramp up, run several times, drain; the records are checked. A stretch has the times of a call and of its return."""
    engine, batches, clock = _traffic_engine(bench), bench.prepare(), bench.clock
    engine.ramp_up(batches)
    edges, outputs = [clock.now()], []
    for _ in range(count):
        outputs.append(engine.run(batches))
        edges.append(clock.now())
    engine.drain()
    records = checked_passes(outputs, batches, edges[0], edges[-1], inside_traffic=True)
    return tuple(Stretch(one, _traffic(one), *edge) for one, edge in zip(records, zip(edges, edges[1:])))


def _traffic(records: RunRecords) -> TrafficRecord:
    assert records.traffic is not None, "the records of a run under traffic have no traffic"
    return records.traffic


def _by_sending(stretch: Stretch) -> dict[tuple[int, float], tuple[int, tuple[float, ...]]]:
    """The tokens and their times of each request, by its prompt and the time of its sending."""
    return {_key(one): (one.output_tokens, one.token_times_s) for one in stretch.requests}


def _key(request: RequestRecord) -> tuple[int, float]:
    return request.prompt_index, request.scheduled_s
