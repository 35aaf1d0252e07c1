"""Warm-up: fixed, and until latency is steady."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from a_traffic_window import B, failed, run_of
from fakes import RecordingProgress
from llenergymeasure.config.models import ExperimentConfig, WarmupConfig
from llenergymeasure.core.warmup import coefficient_of_variation, warm_up
from llenergymeasure.exceptions import BackendError, Unanswered
from llenergymeasure.testing import FakeClock, FakeEngine, Log


def run(lengths=(4, 9, 6), step_times=None, log=None, **fields):
    clock = FakeClock()
    config = ExperimentConfig(model="m", n=len(lengths), max_output_tokens=32)
    engine = FakeEngine(config, clock, log, step_times=step_times)
    batches = engine.prepare([[10] * length for length in lengths])
    return warm_up(WarmupConfig(**fields), engine, batches, clock, config.output_limit)


def test_the_fixed_part_runs_n_iterations_with_reduced_output():
    log = Log()
    result = run(n_warmup=4, max_new_tokens=7, log=log)
    assert log.lines.count("engine.run warm-up of 7") == result.iterations_completed == 4
    assert result.prompts_excluded == 4
    assert result.converged is None
    assert result.final_cv is None


def test_latencies_and_duration_are_reported():
    result = run(n_warmup=2, max_new_tokens=11)  # 0.1 s prefill and ten steps of 0.01 s
    assert result.latencies_ms == pytest.approx((200, 200))
    assert result.duration_sec == pytest.approx(0.4)


class Refusing(FakeEngine):
    """A server that does not answer its first requests."""

    def __init__(self, clock, failures):
        super().__init__(ExperimentConfig(model="m"), clock)
        self.failures = list(failures)

    def run(self, batches, max_new_tokens=None):
        if self.failures:
            raise self.failures.pop(0)
        return super().run(batches, max_new_tokens)


def warmed_up(*failures, progress=None):
    clock = FakeClock()
    engine = Refusing(clock, failures)
    config = WarmupConfig(n_warmup=2, max_new_tokens=11)
    return warm_up(config, engine, engine.prepare([[1]]), clock, 32, progress=progress)


class Uncounted(FakeEngine):
    """A server that does not report how many tokens its first answers have."""

    def __init__(self, clock, answers):
        super().__init__(ExperimentConfig(model="m"), clock)
        self.answers = answers

    def run(self, batches, max_new_tokens=None):
        super().run(batches, max_new_tokens)
        self.answers -= 1
        lost = failed(0, 11.0, 12.0, "no_usage", message="name a tokenizer")
        records = run_of((B,)) if self.answers < 0 else run_of((), (lost,))
        return SimpleNamespace(records=lambda: records)


def test_a_server_that_counts_no_answer_of_the_warm_up_is_an_error_before_the_window():
    for answers in (1, 2):
        clock = FakeClock()
        engine = Uncounted(clock, answers)
        assert warm_up(WarmupConfig(n_warmup=3), engine, engine.prepare([[1]]), clock, 32).iterations_completed == 3
    engine = Uncounted(clock, 3)
    with pytest.raises(BackendError, match=r"^name a tokenizer$"):
        warm_up(WarmupConfig(n_warmup=3), engine, engine.prepare([[1]]), clock, 32)


def test_a_request_that_failed_and_may_pass_is_sent_again_and_is_no_part_of_the_latency():
    progress = RecordingProgress()
    result = warmed_up(Unanswered("busy", may_pass=True), Unanswered("busy", may_pass=True), progress=progress)
    assert result.latencies_ms == pytest.approx((200, 200))
    assert progress.notes == ["busy; it is sent again"] * 2
    assert result.duration_sec > 0.4 + 2  # with the pauses


@pytest.mark.parametrize("failures", [[Unanswered("too late")], [Unanswered("busy", may_pass=True)] * 4])
def test_a_request_of_the_warm_up_that_stays_without_an_answer_says_nothing_about_the_load(failures):
    with pytest.raises(BackendError, match=r"^(too late|busy)$") as raised:
        warmed_up(*failures)
    assert raised.value.failure_kind == "error"


def test_an_error_of_the_warm_up_is_not_repeated():
    with pytest.raises(BackendError, match=r"^wrong$"):
        warmed_up(BackendError("wrong"))


def test_the_widest_batches_come_first():
    class Watching(FakeEngine):
        widths = []

        def run(self, batches, max_new_tokens=None):
            self.widths.append(batches[0].padded_length)
            return super().run(batches, max_new_tokens)

    clock = FakeClock()
    engine = Watching(ExperimentConfig(model="m"), clock)
    warm_up(WarmupConfig(n_warmup=5), engine, engine.prepare([[1] * width for width in (4, 9, 6)]), clock, 32)
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


def test_unsteady_latency_stops_at_the_limit_with_a_warning():
    result = run(convergence_detection=True, n_warmup=5, max_prompts=20, step_times=[1.0, 3.0])
    assert result.converged is False
    assert result.final_cv > 0.4
    assert result.iterations_completed == 20


def test_the_coefficient_of_variation_is_spread_over_mean():
    assert coefficient_of_variation([1.0, 3.0]) == pytest.approx(2**0.5 / 2)


class CompilingEngine(FakeEngine):
    """Compiles each length in prefill and in decode at its first uses, 2 s each, for a given number of times."""

    def __init__(self, config, clock, times=1):
        super().__init__(config, clock)
        self.met, self.times = {}, times

    def run(self, batches, max_new_tokens=None):
        output = super().run(batches, max_new_tokens)
        return replace(output, batches=tuple(self._compiled(record) for record in output.batches))

    def _compiled(self, record):
        rows, steps = len(record.prompt_indices), record.step_tokens[-1]
        lengths = range(record.padded_length + 1, record.padded_length + steps)
        shapes = [(rows, "prefill", record.padded_length), *((rows, "decode", length) for length in lengths)]
        new = [shape for shape in shapes if self.met.get(shape, 0) < self.times]
        for shape in new:
            self.met[shape] = self.met.get(shape, 0) + 1
        return replace(record, compilations=len(new), compiling_s=2.0 * len(new))


def compiled(lengths, rows=1, limit=8, times=1, **fields):
    """The warm-up of an engine that compiles, and how often it then compiled in the window."""
    clock = FakeClock()
    config = ExperimentConfig(model="m", n=len(lengths), max_output_tokens=limit, pytorch={"batch_size": rows})
    engine = CompilingEngine(config, clock, times)
    batches = engine.prepare([[10] * length for length in lengths])
    steps = []
    progress = SimpleNamespace(step=lambda text, seconds=None: steps.append(text))
    result = warm_up(WarmupConfig(**fields), engine, batches, clock, limit, progress=progress)
    return result, sum(record.compilations for record in engine.run(batches).records().batches), steps


@pytest.mark.parametrize("lengths", [(4,), (9, 4, 6), (4, 5, 6, 7), (100, 3, 50), (5, 5, 5, 90, 4)])
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_nothing_is_compiled_in_the_window_whatever_its_shapes(lengths, rows):
    result, in_window, _ = compiled(lengths, rows, n_warmup=1, max_new_tokens=2)
    assert in_window == 0
    assert result.compilations > 0
    assert result.compiling_sec == 2.0 * result.compilations


def test_shapes_are_counted_and_announced():
    result, _, steps = compiled((9, 4, 9, 4), n_warmup=1)
    assert result.shapes == 2
    assert steps == ["warm-up of 2 shapes, pass 1", "warm-up of 2 shapes, pass 2"]
    assert result.shapes_sec == pytest.approx(result.duration_sec - result.latencies_ms[0] / 1000)


def test_a_shape_that_is_recorded_at_its_second_use_is_run_twice():
    """A CUDA graph is recorded at the second time."""
    _, in_window, steps = compiled((9, 4), times=3, n_warmup=1)
    assert in_window == 0
    assert len(steps) == 4


def test_the_passes_end_although_each_one_compiles():
    _, in_window, steps = compiled((9, 4), times=10**9, n_warmup=1)
    assert in_window > 0
    assert len(steps) == 4


def test_an_engine_that_compiles_nothing_meets_no_shapes():
    class Plain(CompilingEngine):
        def _compiled(self, record):
            return replace(record, compilations=0)

    clock = FakeClock()
    engine = Plain(ExperimentConfig(model="m"), clock)
    result = warm_up(WarmupConfig(n_warmup=2), engine, engine.prepare([[1] * 4, [1] * 9]), clock, 32)
    assert (result.shapes, result.compilations, result.prompts_excluded) == (None, 0, 2)


def test_an_engine_that_does_not_report_compilations_meets_no_shapes():
    result = run(n_warmup=2)
    assert (result.shapes, result.compilations, result.compiling_sec) == (None, None, None)
