"""For authors of backends and meters: fakes with known numbers, and the contracts that every engine, meter and executor keeps."""

from llenergymeasure.testing.clock import FakeClock, Log
from llenergymeasure.testing.engine import FakeBatch, FakeEngine, FakeLoader, FakeOutput, FakeTokenizer
from llenergymeasure.testing.engine_contract import EngineBench, EngineContract, engine_bench
from llenergymeasure.testing.executor_contract import ExecutorBench, ExecutorContract
from llenergymeasure.testing.meter import FakeMeter, FakeWindow, metering
from llenergymeasure.testing.meter_contract import MeterContract
from llenergymeasure.testing.traffic_contract import TrafficContract

__all__ = [
    "EngineBench",
    "EngineContract",
    "ExecutorBench",
    "ExecutorContract",
    "FakeBatch",
    "FakeClock",
    "FakeEngine",
    "FakeLoader",
    "FakeMeter",
    "FakeOutput",
    "FakeTokenizer",
    "FakeWindow",
    "Log",
    "MeterContract",
    "TrafficContract",
    "engine_bench",
    "metering",
]
