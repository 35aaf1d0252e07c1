"""Warm-up: fixed, and until latency is steady."""

from __future__ import annotations

import pytest

from fakes import FakeClock, FakeEngine, Log
from llenergymeasure.config.models import ExperimentConfig, WarmupConfig
from llenergymeasure.core.warmup import coefficient_of_variation, warm_up


def run(lengths=(4, 9, 6), step_times=None, log=None, **fields):
    clock = FakeClock()
    config = ExperimentConfig(model="m", n=len(lengths), max_output_tokens=32)
    engine = FakeEngine(config, clock, log, step_times=step_times)
    batches = engine.prepare([[10] * length for length in lengths])
    return warm_up(WarmupConfig(**fields), engine, batches, clock)


def test_the_fixed_part_runs_n_iterations_with_reduced_output():
    log = Log()
    result = run(n_warmup=4, max_new_tokens=7, log=log)
    assert log.lines.count("engine.run warm-up of 7") == result.iterations_completed == 4
    assert result.prompts_excluded == 4
    assert result.converged is None
    assert result.final_cv is None


def test_latencies_and_duration_are_told():
    result = run(n_warmup=2, max_new_tokens=11)  # 0.1 s prefill and ten steps of 0.01 s
    assert result.latencies_ms == pytest.approx((200, 200))
    assert result.duration_sec == pytest.approx(0.4)


def test_the_widest_batches_come_first():
    class Watching(FakeEngine):
        widths = []

        def run(self, batches, max_new_tokens=None):
            self.widths.append(batches[0].padded_length)
            return super().run(batches, max_new_tokens)

    clock = FakeClock()
    engine = Watching(ExperimentConfig(model="m"), clock)
    warm_up(WarmupConfig(n_warmup=5), engine, engine.prepare([[1] * width for width in (4, 9, 6)]), clock)
    assert engine.widths == [9, 6, 4, 9, 6]


def test_steady_latency_converges_after_the_fixed_part_and_one_window():
    result = run(convergence_detection=True, n_warmup=5, window_size=5)
    assert result.converged is True
    assert result.final_cv == pytest.approx(0.0, abs=1e-9)
    assert result.iterations_completed == 10


def test_falling_latency_goes_on_until_it_is_steady():
    factors = [1.0] * 5 + [5.0, 4.0, 3.0, 2.0] + [1.0] * 50
    result = run(convergence_detection=True, n_warmup=5, window_size=5, step_times=factors)
    assert result.converged is True
    assert result.iterations_completed == 5 + 4 + 5


def test_restless_latency_stops_at_the_limit_and_says_so():
    result = run(convergence_detection=True, n_warmup=5, max_prompts=20, step_times=[1.0, 3.0])
    assert result.converged is False
    assert result.final_cv > 0.4
    assert result.iterations_completed == 20


def test_the_coefficient_of_variation_is_spread_over_mean():
    assert coefficient_of_variation([1.0, 3.0]) == pytest.approx(2**0.5 / 2)
