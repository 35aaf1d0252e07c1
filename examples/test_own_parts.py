"""Tests of your own backend and of your own meter: the contracts that every engine and every meter keeps.

Question: Does my own engine or meter do what the harness relies on?
Time: seconds.
Needs: `pytest`.

python -m pytest examples/test_own_parts.py
"""

from __future__ import annotations

import pytest
from own_backend import CopyLoader
from own_meter import FileMeter

from llenergymeasure import ExperimentConfig
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.testing import EngineContract, FakeClock, MeterContract, engine_bench


class TestCopyEngine(EngineContract):
    """The engine of own_backend.py. It is loaded once for all tests, because a real model takes long."""

    @pytest.fixture(scope="module")
    @staticmethod
    def bench():
        clock = SystemClock()
        config = ExperimentConfig(model="copy", max_output_tokens=8)
        with engine_bench(config, CopyLoader(clock), clock) as opened:
            yield opened


class TestFileMeter(MeterContract):
    """The meter of own_meter.py, with a counter that the test moves: 20 W on a clock that advances when a test sleeps."""

    @pytest.fixture
    def bench(self, tmp_path):
        counter = tmp_path / "joules"

        class CountingClock(FakeClock):
            def sleep(self, seconds):
                super().sleep(seconds)
                counter.write_text(str(20.0 * self.now()))

        clock = CountingClock()
        clock.sleep(1.0)
        meter = FileMeter(counter)
        yield meter, clock
        meter.release()
