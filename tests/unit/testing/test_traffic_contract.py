"""Servers with an error break the contract of traffic, each in the test that is named for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fake_traffic import FakeTraffic, Stretched
from llenergymeasure import ExperimentConfig
from llenergymeasure.testing import EngineBench, FakeClock, TrafficContract

CONFIG = ExperimentConfig(
    model="m", backend="server", server={"url": "http://x/v1"}, max_output_tokens=5, n=4, traffic={"concurrency": 3}
)
CHECKS = [name for name in vars(TrafficContract) if name.startswith("test_")]


def broken(kind) -> dict[str, str]:
    """The tests that such an engine fails, with their messages; each has a bench of its own."""
    failures = {}
    for name in CHECKS:
        clock = FakeClock()
        loader = type("Loader", (), {"load": lambda self, config, clock=clock: kind(config, clock)})()
        try:
            getattr(TrafficContract(), name)(EngineBench(CONFIG, loader, clock))
        except Exception as error:
            failures[name.removeprefix("test_")] = str(error)
    return failures


class Changed(Stretched):
    """An output whose traffic is changed."""

    def records(self):
        found = super().records()
        return replace(found, traffic=self.engine.changed(found.traffic))


class Changing(FakeTraffic):
    """Changes the traffic of its records."""

    def changed(self, traffic):
        return traffic

    def run(self, batches, max_new_tokens=None):
        found = super().run(batches, max_new_tokens)
        return Changed(found.engine, found.start_s, found.end_s, found.sent)


class Forgetful(Changing):
    """Forgets the requests that it had sent before a run."""

    def changed(self, traffic):
        return replace(traffic, others=tuple(one for one in traffic.others if one.scheduled_s >= traffic.start_s))


class Recounting(Changing):
    """Counts the tokens of requests again in the next run."""

    def changed(self, traffic):
        return replace(traffic, others=tuple(replace(one, output_tokens=1) for one in traffic.others))


class Late(FakeTraffic):
    """Returns long after its run has ended."""

    def run(self, batches, max_new_tokens=None):
        found = super().run(batches, max_new_tokens)
        self._clock.sleep(0.2)
        return found


class Total(FakeTraffic):
    """Has no traffic around its window."""

    @property
    def is_steady(self):
        return False


class Draining(FakeTraffic):
    """Lets the traffic end before the window: the last requests have the server for themselves."""

    def sent(self, until_s):
        return tuple(one for one in super().sent(until_s) if one.number < 7)

    def _until_answer(self, count):
        self._clock.sleep(1.0)


def test_a_correct_one_keeps_it():
    assert broken(FakeTraffic) == {}
    assert broken(Changing) == {}


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        (Total, "its_window_lies_inside_its_traffic"),
        (Forgetful, "its_records_are_possible_and_complete"),
        (Recounting, "every_token_is_counted_once"),
        (Late, "a_run_lasts_as_long_as_its_call"),
        (Draining, "it_has_work_until_the_end_of_a_run"),
    ],
)
def test_an_error_is_found_by_the_test_of_its_name(kind, test):
    assert test in broken(kind)
