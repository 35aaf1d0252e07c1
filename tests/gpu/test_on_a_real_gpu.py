"""On a real NVIDIA GPU: `pytest -m gpu`. Skipped, with the reason, where there is none."""

from __future__ import annotations

import os
import time

import pytest

from llenergymeasure import ExperimentConfig, run_experiment
from llenergymeasure.config.meters import METERS
from llenergymeasure.core.devices import gpu_infos, open_devices
from llenergymeasure.core.energy.select import meter_states
from llenergymeasure.core.machine.clock import SystemClock

pytestmark = [pytest.mark.gpu, pytest.mark.torch]


@pytest.fixture
def context():
    with open_devices(SystemClock(), os.environ, sampling=True) as opened:
        if opened.door is None:
            pytest.skip(f"no GPU: {opened.no_gpu_reason}")
        yield opened


@pytest.fixture(scope="module")
def result():
    with open_devices(SystemClock(), os.environ) as opened:
        if opened.door is None:
            pytest.skip(f"no GPU: {opened.no_gpu_reason}")
    pytest.importorskip("torch")
    return run_experiment(
        ExperimentConfig(
            model="builtin/tiny-llama",
            n=64,
            min_output_tokens=128,
            pytorch={"batch_size": 8, "load_format": "dummy", "device": "cuda"},
            energy={"backend": "nvml"},
            baseline={"duration_seconds": 5},
            warmup={"thermal_floor_seconds": 0},
        )
    )


def test_a_gpu_describes_itself(context):
    info = gpu_infos(context)[0]
    assert info.uuid.startswith("GPU-")
    assert info.vram_mb > 1000
    assert info.power_limit_w > 10


def test_nvml_is_available(context):
    assert meter_states(context)["nvml"] == "available"


def test_an_idle_second_costs_a_plausible_power(context):
    meter = METERS["nvml"].create(context)
    try:
        time.sleep(1.2)
        window, start_s = meter.open_window(), context.clock.now()
        time.sleep(1.0)
        reading = window.close(start_s, context.clock.now())
    finally:
        meter.release()
    assert 3.0 < reading.energy_j < 1000.0
    assert reading.n_readings >= 5
    assert reading.uncertainty_j > 0


def test_an_experiment_measures_joules_with_an_error_bar(result):
    assert result.energy_total_j > result.energy_uncertainty_j > 0
    assert result.energy_method in ("counter", "sampled")
    assert list(result.energy_per_device_j) == [gpu.uuid for gpu in result.environment_snapshot.gpus][:1]
    assert result.energy_per_output_token == pytest.approx(result.energy_total_j / result.tokens.output_tokens)


def test_work_costs_more_than_idle(result):
    assert result.energy_adjusted_j > 0


def test_counter_and_power_trace_agree(result):
    assert not [warning for warning in result.measurement_warnings if warning.startswith("energy_crosscheck_failed")]


def test_the_time_series_integrates_to_the_energy(result):
    assert sum(result.timeseries.energy_j) == pytest.approx(result.energy_total_j, abs=result.energy_uncertainty_j)


def test_the_sampler_kept_up(result):
    assert result.sampler.gaps == 0
    assert result.sampler.n_samples > 10 * result.duration_sec


def test_memory_is_the_device_s(result):
    assert result.memory.source == "cuda_allocated"
    assert result.memory.peak_memory_mb > 0
