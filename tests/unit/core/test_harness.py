"""The result of a measurement, in numbers that can be checked by hand."""

from __future__ import annotations

import gc
from datetime import datetime, timedelta

import pytest

from fakes import FakeHost, FakePrompts, RecordingProgress, SchedulingEngine, a_snapshot
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.core.baseline import BaselineCache
from llenergymeasure.core.collect.latency import LatencyCollector, MemoryCollector, PhaseCollector, TokenCollector
from llenergymeasure.core.energy.null import NullMeter
from llenergymeasure.core.flops.collectors import ExactFlopsCollector, PalmFlopsCollector
from llenergymeasure.core.harness import open_experiment
from llenergymeasure.core.instruments import Carbon, Instruments
from llenergymeasure.exceptions import ExperimentError
from llenergymeasure.testing import FakeClock, FakeLoader, FakeMeter, metering


def measure(n=2, clock=None, meter=None, progress=None, carbon=None, repeats=1, loader=None, baselines=None, **fields):
    clock = clock or FakeClock()
    parts = Instruments(
        metering=metering(meter or FakeMeter()),
        prompts=FakePrompts(n),
        snapshot=a_snapshot,
        collectors=(
            TokenCollector(), LatencyCollector(), PhaseCollector(), MemoryCollector(), FakeHost(), PalmFlopsCollector(),
            ExactFlopsCollector(),
        ),
        clock=clock,
        progress=progress or RecordingProgress(),
        carbon=carbon or Carbon(),
        baselines=baselines or BaselineCache(),
    )  # fmt: skip
    config = ExperimentConfig(**{"model": "m", "n": n, "max_output_tokens": 11, **fields})
    with open_experiment(config, loader or FakeLoader(clock), parts) as experiment:
        results = [experiment.measure() for _ in range(repeats)]
    return results[0] if repeats == 1 else results


def test_the_window_is_the_work_and_energy_is_power_times_its_length():
    result = measure(n=2)  # two batches of one prompt: 0.1 s prefill and ten steps of 0.01 s each
    assert result.duration_sec == pytest.approx(0.4)
    assert result.energy_total_j == pytest.approx(40.0)
    assert result.cpu_seconds == pytest.approx(0.8)


def test_energy_above_idle_subtracts_baseline_power_times_the_window():
    result = measure()
    assert result.baseline_power_w == pytest.approx(100.0)
    assert result.energy_adjusted_j == pytest.approx(0.0, abs=1e-9)
    assert result.baseline.provenance == "fresh"
    assert result.baseline.duration_sec == pytest.approx(30.0)


def test_energy_above_idle_may_be_negative_and_is_flagged():
    class Cooling(FakeMeter):
        def open_window(self):
            self.power_w /= 2  # 100 W in the baseline, 50 W in the window
            return super().open_window()

    result = measure(meter=Cooling(200.0))
    assert result.energy_adjusted_j == pytest.approx((50 - 100) * 0.4)
    assert any(warning.startswith("negative_adjusted_energy") for warning in result.measurement_warnings)


def test_tokens_and_rates():
    result = measure(n=3)  # prompts of 1, 2 and 3 tokens
    assert (result.n_prompts, result.input_tokens, result.output_tokens) == (3, 6, 33)
    assert result.tokens_per_second == pytest.approx(33 / 0.6)
    assert result.energy_per_output_token == pytest.approx(60.0 / 33)


def test_several_passes_count_in_every_number():
    one, three = measure(n=3, max_input_tokens=2), measure(n=3, max_input_tokens=2, min_duration_seconds=1.7)
    assert (one.n_passes, three.n_passes) == (1, 3)
    assert (three.n_prompts, three.input_tokens, three.output_tokens) == (9, 15, 99)
    assert three.duration_sec == pytest.approx(1.8)
    assert three.flops_total == 3 * one.flops_total
    assert three.tokens.truncated_prompts == 3
    for name in ("tokens_per_second", "energy_per_output_token", "energy_per_request"):
        assert getattr(three, name) == pytest.approx(getattr(one, name))
    assert three.latency.request.count == len(three.latency.request_ms) == 9
    assert three.latency.request_ms == pytest.approx(3 * one.latency.request_ms)
    assert len(three.timeline.batches) == 9


class SchedulingLoader:
    """Its engine gets all prompts at once, and runs two at a time."""

    def __init__(self, clock):
        self._clock = clock

    def load(self, config):
        return SchedulingEngine(config, self._clock)


def test_an_engine_without_batches_has_every_number_but_those_of_batches():
    """Three prompts of 1, 2 and 3 tokens in two lanes; 0.2 s each, of which 0.1 s are prefill."""
    clock = FakeClock()
    result = measure(n=3, clock=clock, loader=SchedulingLoader(clock))
    assert result.duration_sec == pytest.approx(0.4)
    assert (result.input_tokens, result.output_tokens, result.tokens.input_tokens_padded) == (6, 33, None)
    assert result.latency.request_ms == pytest.approx((200, 200, 200))
    assert result.latency.ttft_ms == pytest.approx((100, 100, 100))
    assert result.latency.queue_ms == pytest.approx((0, 0, 200))
    assert result.latency.itl.count == 30
    assert len(result.latency.itl_ms) == 20
    assert (result.phases.prefill_sec, result.phases.decode_sec) == pytest.approx((0.2, 0.2))
    assert result.compilation is None
    assert result.timeline.batches == ()
    assert result.timeline.running.running[0] == 2.0
    assert result.timeline.running.running[-1] == 1.0
    assert "3 prompts with at most 2 at the same time: 6 input and 33 output tokens" in result.summary()


def test_several_passes_without_batches_count_in_every_number():
    clock = FakeClock()
    result = measure(n=3, clock=clock, loader=SchedulingLoader(clock), min_duration_seconds=1.0)
    assert (result.n_passes, result.n_prompts, result.latency.queue.count) == (3, 9, 9)
    assert result.latency.request_ms == pytest.approx((200,) * 9)


def test_one_batch_is_not_counted_in_the_progress():
    progress = RecordingProgress()
    measure(n=2, progress=progress, pytorch={"batch_size": 2})
    assert "measuring 2 prompts" in progress.steps


def test_progress_shows_how_long_the_window_will_last():
    progress = RecordingProgress()
    measure(n=2, progress=progress, min_duration_seconds=1.5)
    assert "measuring 2 prompts in 2 batches, for at least 1.5 s" in progress.steps


def test_a_padded_batch_counts_only_real_tokens():
    result = measure(n=3, pytorch={"batch_size": 3})
    assert result.input_tokens == 6
    assert result.tokens.input_tokens_padded == 9


def test_prompts_are_cut_to_the_limit_and_counted():
    result = measure(n=3, max_input_tokens=2)
    assert result.input_tokens == 1 + 2 + 2
    assert result.tokens.truncated_prompts == 1
    assert any(warning.startswith("prompts_truncated: 1 of 3") for warning in result.measurement_warnings)


class ShortLoader(FakeLoader):
    """Its engine has a table of positions of limited length."""

    def __init__(self, clock, positions):
        super().__init__(clock)
        self._positions = positions

    def load(self, config):
        engine = super().load(config)
        engine.architecture = {"model_type": "gpt2", "n_positions": self._positions}
        return engine


def test_a_prompt_that_is_too_long_for_the_model_never_reaches_it():
    clock = FakeClock()
    measure(n=3, clock=clock, loader=ShortLoader(clock, 13))  # prompts of 1, 2 and 3 tokens, and 11 more
    loader = ShortLoader(clock, 12)
    with pytest.raises(ExperimentError, match="a prompt of 3 tokens with 11 output tokens needs 13 positions"):
        measure(n=3, clock=clock, loader=loader)
    assert loader.engine.released == 1


def test_the_longest_sequence_is_counted():
    assert measure(n=3).tokens.longest_sequence == 3 + 11


def test_latencies_come_from_the_steps():
    result = measure(n=1)
    assert result.latency.ttft.p50_ms == pytest.approx(100.0)
    assert result.latency.itl.p50_ms == pytest.approx(10.0)
    assert result.latency.itl.count == 10
    assert result.latency.request.p50_ms == pytest.approx(200.0)
    assert result.phases.prefill_sec == pytest.approx(0.1)
    assert result.phases.decode_sec == pytest.approx(0.1)


def test_energy_off_on_purpose_is_none_everywhere_without_a_warning():
    result = measure(meter=NullMeter())
    for name in (
        "energy_total_j",
        "energy_adjusted_j",
        "energy_per_output_token",
        "baseline_power_w",
        "energy_per_device_j",
    ):
        assert getattr(result, name) is None, name
    assert not any("energy" in warning for warning in result.measurement_warnings if "above" not in warning)


def test_a_meter_that_fails_leaves_no_joules_but_the_reason_and_the_rest():
    result = measure(meter=FakeMeter(failing=True))
    assert result.energy_total_j is None
    assert "GPU is lost" in result.energy.reason
    assert result.baseline.provenance == "unavailable"
    assert result.output_tokens == 22
    assert any(warning.startswith("energy_unavailable") for warning in result.measurement_warnings)


def test_carbon_is_energy_times_pue_times_intensity():
    result = measure(carbon=Carbon(intensity_gco2_kwh=360.0, datacenter_pue=1.5))
    assert result.co2.gco2 == pytest.approx(40.0 / 3.6e6 * 1.5 * 360.0)


def test_without_an_intensity_there_is_no_carbon():
    assert measure().co2 is None


def test_the_window_is_reported_in_seconds_from_experiment_start():
    start, end = measure(n=2, warmup={"n_warmup": 1, "thermal_floor_seconds": 30}).steady_state_window
    # 30 s baseline, one warm-up of 0.1 s + 10 steps of 0.01 s (the output limit is 11), 30 s floor.
    assert start == pytest.approx(30 + 0.2 + 30)
    assert end - start == pytest.approx(0.4)


def test_without_warm_up_the_methodology_is_total():
    result = measure(warmup={"enabled": False})
    assert result.measurement_methodology == "total"
    assert result.steady_state_window is None
    assert result.warmup_excluded_samples == 0


def test_warm_up_prompts_are_left_out_and_counted():
    result = measure(n=2, warmup={"n_warmup": 3})
    assert result.measurement_methodology == "steady_state"
    assert result.warmup_excluded_samples == 3
    assert result.n_prompts == 2


def test_a_second_experiment_of_the_session_takes_the_baseline_from_the_cache():
    clock, meter = FakeClock(), FakeMeter()
    parts = Instruments(
        metering=metering(meter), prompts=FakePrompts(1), snapshot=a_snapshot,
        collectors=(TokenCollector(), MemoryCollector(), FakeHost(), PalmFlopsCollector()), clock=clock,
        progress=RecordingProgress(),
    )  # fmt: skip
    provenances = []
    for _ in range(2):
        with open_experiment(ExperimentConfig(model="m", n=1), FakeLoader(clock), parts) as experiment:
            provenances.append(experiment.measure().baseline)
    clock.sleep(3601)
    with open_experiment(ExperimentConfig(model="m", n=1), FakeLoader(clock), parts) as experiment:
        provenances.append(experiment.measure().baseline)
    assert [baseline.provenance for baseline in provenances] == ["fresh", "cached", "fresh"]
    assert provenances[1].age_sec > 60


def test_the_same_seed_of_facts_gives_the_same_hash_in_config_and_result():
    result = measure()
    assert result.measurement_config_hash == result.config.config_hash


def test_the_garbage_collector_rests_in_the_window_and_works_again_after():
    seen = []

    class Watching(FakeMeter):
        def open_window(self):
            seen.append(gc.isenabled())
            return super().open_window()

    measure(meter=Watching())
    assert seen == [True, False]  # the baseline, then the window
    assert gc.isenabled()


def test_a_baseline_that_is_known_already_shows_no_wait():
    baselines, first, second = BaselineCache(), RecordingProgress(), RecordingProgress()
    measure(progress=first, baselines=baselines)
    measure(progress=second, baselines=baselines)
    assert "idle baseline" in first.steps
    assert "idle baseline" not in second.steps


def test_waits_move_the_progress():
    progress = RecordingProgress()
    measure(progress=progress)
    assert progress.waited_s == pytest.approx(30 + 60)
    assert progress.notes == ["a note"]


def test_repeats_are_results_of_their_own():
    first, second = measure(repeats=2)
    assert second.steady_state_window[0] >= first.steady_state_window[1]
    assert first.energy_total_j == pytest.approx(second.energy_total_j)


class ClockThatIsSet(FakeClock):
    """Its wall clock is set by `step` once, when the experiment is under way; the monotonic one goes on."""

    def __init__(self, step):
        super().__init__()
        self.looks, self.step = 0, step

    def utc_now(self):
        self.looks += 1
        return super().utc_now() + (timedelta() if self.looks == 1 else self.step)


@pytest.mark.parametrize("step", [timedelta(days=-400), timedelta(hours=-1), timedelta(hours=1), timedelta(days=4000)])
def test_a_wall_clock_that_is_set_on_the_way_turns_no_order_round_and_stretches_no_duration(step):
    result, undisturbed = measure(clock=ClockThatIsSet(step)), measure()
    started, finished = map(datetime.fromisoformat, (result.started_at, result.finished_at))
    assert finished - started == (
        datetime.fromisoformat(undisturbed.finished_at) - datetime.fromisoformat(undisturbed.started_at)
    )
    assert started.timestamp() <= result.window_utc[0] < result.window_utc[1] <= finished.timestamp() + 0.001
    assert (result.duration_sec, result.energy_total_j) == (undisturbed.duration_sec, undisturbed.energy_total_j)
    assert result.baseline.age_sec == undisturbed.baseline.age_sec
