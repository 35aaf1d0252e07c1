"""The number of passes over the prompts in a window."""

from __future__ import annotations

import pytest

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.window import measure_window
from llenergymeasure.testing import FakeClock, FakeEngine, FakeMeter, Log

ONE_PASS_S = 0.4  # two prompts, each 0.1 s of prefill and ten steps of 0.01 s


class Rank:
    """One of several processes; the text of rank 0 is its own, or is given."""

    def __init__(self, rank, answers=()):
        self.rank, self.size, self.shared, self._answers = rank, 2, [], list(answers)

    def barrier(self):
        pass

    def share(self, text):
        self.shared.append(text)
        return text if self.rank == 0 else self._answers.pop(0)


def window(min_duration_s, process_group=None):
    clock = FakeClock()
    engine = FakeEngine(ExperimentConfig(model="m", max_output_tokens=11), clock)
    batches = engine.prepare([[1], [1, 2]])
    return measure_window(engine, batches, FakeMeter(), clock, process_group, min_duration_s=min_duration_s)


@pytest.mark.parametrize(("min_duration_s", "passes"), [(None, 1), (0.1, 1), (0.5, 2), (1.0, 3), (1.9, 5)])
def test_passes_are_whole_and_end_when_the_window_has_lasted_long_enough(min_duration_s, passes):
    raw = window(min_duration_s)
    assert len(raw.passes) == passes
    assert raw.end_s - raw.start_s == pytest.approx(passes * ONE_PASS_S)
    assert raw.reading.energy_j == pytest.approx(100 * passes * ONE_PASS_S)


def test_rank_0_decides_for_all():
    first = Rank(0)
    assert len(window(1.0, first).passes) == 3
    assert [bool(text) for text in first.shared] == [True, True, False]
    assert len(window(1.0, Rank(1, first.shared)).passes) == 3
    assert len(window(1.0, Rank(1, ["", ""])).passes) == 1


def test_one_pass_asks_no_other_rank():
    rank = Rank(0)
    window(None, rank)
    assert rank.shared == []


class Served(FakeEngine):
    """A server: its traffic begins 3 s before the window and ends 2 s after it."""

    def __init__(self, config, clock, log, steady):
        super().__init__(config, clock, log)
        self.is_steady = steady

    def ramp_up(self, batches):
        self._log(f"ramp up {len(batches)}")
        self._clock.sleep(3)

    def drain(self):
        self._log("drain")
        self._clock.sleep(2)


@pytest.mark.parametrize(("steady", "around"), [(True, (["ramp up 2"], ["drain"])), (False, ([], []))])
def test_the_window_of_a_server_lies_inside_its_traffic(steady, around):
    clock, log = FakeClock(), Log()
    engine = Served(ExperimentConfig(model="m", max_output_tokens=11), clock, log, steady)
    batches = engine.prepare([[1], [1, 2]])
    raw = measure_window(engine, batches, FakeMeter(log=log), clock)
    assert raw.end_s - raw.start_s == pytest.approx(ONE_PASS_S)
    steps = [
        line for line in log.lines if line in ("ramp up 2", "drain", "engine.run", "meter.open_window", "meter.close")
    ]
    assert steps == [*around[0], "meter.open_window", "engine.run", "meter.close", *around[1]]
    assert (raw.ramp_up_s, raw.drain_s) == ((3.0, 2.0) if steady else (None, None))


def test_other_engines_have_no_traffic_around_their_window():
    raw = window(None)
    assert (raw.ramp_up_s, raw.drain_s) == (None, None)
