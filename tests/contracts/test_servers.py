"""The contracts of engines and of traffic, for servers."""

from __future__ import annotations

import pytest

from fake_traffic import FakeTraffic
from llenergymeasure import ExperimentConfig
from llenergymeasure.testing import EngineContract, FakeClock, TrafficContract, engine_bench


class ServerLoader:
    """Loads the fake server."""

    def __init__(self, clock):
        self._clock = clock

    def load(self, config):
        return FakeTraffic(config, self._clock)


@pytest.fixture
def traffic_bench():
    served = ExperimentConfig(
        model="m", backend="server", server={"url": "http://x/v1"}, max_output_tokens=5, min_output_tokens=5, n=4,
        traffic={"concurrency": 3},
    )  # fmt: skip
    clock = FakeClock()
    with engine_bench(served, ServerLoader(clock), clock) as opened:
        yield opened


@pytest.fixture
def bench(traffic_bench):
    return traffic_bench


class TestTraffic(TrafficContract):
    """A fake server under traffic."""


class TestServers(EngineContract):
    """The same one without traffic, as in a warm-up."""
