"""The contracts of engines and of traffic, for servers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from fake_server import FakeLoop, FakeServer, a_loaded_server
from fake_traffic import FakeTraffic
from llenergymeasure import ExperimentConfig
from llenergymeasure.core.backends.server.client.asked import Asked
from llenergymeasure.core.backends.server.engine import ServerEngine
from llenergymeasure.testing import EngineContract, FakeClock, TrafficContract, engine_bench

CONFIG = ExperimentConfig(
    model="m", backend="server", server={"url": "http://127.0.0.1:8000/v1"}, max_output_tokens=5, min_output_tokens=5, n=4,
    traffic={"concurrency": 3},
)  # fmt: skip


def a_request(index, ids, max_new_tokens, number):
    """A request that says how many tokens it has, and wants."""
    wanted = CONFIG.max_output_tokens if max_new_tokens is None else max_new_tokens
    return Asked(index, json.dumps({"has": len(ids), "wants": wanted}).encode())


class ExactServer(FakeServer):
    """Gives as many tokens as a request wants. The first requests end one after the other, as those of a real server."""

    async def _answer(self, number, times_s):
        await asyncio.sleep(0.25 * number if number < 3 else 0)
        self._tokens = json.loads(self.asked[number].body)["wants"]
        return await super()._answer(number, times_s)

    def _over(self, asked, *outcome):
        return replace(super()._over(asked, *outcome), input_tokens=json.loads(asked.body)["has"])


class Loader:
    """Loads the engine of servers with a server that needs no network, or a fake of the engine."""

    def __init__(self, kind, clock):
        self._kind, self._clock = kind, clock

    def load(self, config):
        if self._kind == "fake":
            return FakeTraffic(config, self._clock)
        server = ExactServer(self._clock)
        return ServerEngine(a_loaded_server(), config, self._clock, lambda: server, a_request, FakeLoop(self._clock))


@pytest.fixture(params=["fake", "server"])
def traffic_bench(request):
    clock = FakeClock()
    with engine_bench(CONFIG, Loader(request.param, clock), clock) as opened:
        yield opened


@pytest.fixture
def bench(traffic_bench):
    return traffic_bench


class TestTraffic(TrafficContract):
    """Their window lies inside their traffic."""


class TestServers(EngineContract):
    """The same ones without traffic, as in a warm-up."""
