"""The energy of a window of vLLM is that of the GPUs that hold the model, and of no other."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("torch")
pytest.importorskip("transformers")

from fake_vllm import FakeVLLM  # noqa: E402
from fakes import FakeHost, FakePrompts, a_snapshot  # noqa: E402
from llenergymeasure.config.loader import build_experiment_config  # noqa: E402
from llenergymeasure.core.backends.vllm.backend import VLLMBackend  # noqa: E402
from llenergymeasure.core.backends.vllm.loading import VLLMLoader  # noqa: E402
from llenergymeasure.core.collect.latency import (  # noqa: E402
    LatencyCollector,
    MemoryCollector,
    PhaseCollector,
    TokenCollector,
)
from llenergymeasure.core.devices import open_devices  # noqa: E402
from llenergymeasure.core.energy.nvml import NvmlMeter  # noqa: E402
from llenergymeasure.core.flops.collectors import ExactFlopsCollector, PalmFlopsCollector  # noqa: E402
from llenergymeasure.core.instruments import Instruments  # noqa: E402
from llenergymeasure.testing import metering  # noqa: E402
from nvmlsim import Constant, sim_gpu  # noqa: E402

SETTINGS = {
    "n": 4, "max_output_tokens": 24, "baseline.enabled": False, "warmup.thermal_floor_seconds": 0.0, "warmup.n_warmup": 1,
    "vllm.max_num_seqs": 2,
}  # fmt: skip


def measured(simulation, **fields):
    """One result, measured with the simulated GPUs that the experiment uses."""
    config = build_experiment_config({"model": "builtin/tiny-llama", "backend": "vllm"}, {**SETTINGS, **fields})
    clock = simulation.clock
    with open_devices(clock, {}, config.gpus_wanted) as context:
        clock.sampler = context.sampler
        parts = Instruments(
            metering=metering(NvmlMeter(context.door, context.gpus, context.sampler, clock)),
            prompts=FakePrompts(4),
            snapshot=lambda engine: a_snapshot(),
            collectors=(
                TokenCollector(), LatencyCollector(), PhaseCollector(), MemoryCollector(), FakeHost(),
                PalmFlopsCollector(), ExactFlopsCollector(),
            ),
            clock=clock,
        )  # fmt: skip
        vllm = FakeVLLM(clock, device="cuda")
        clock.sleep(3.0)
        return VLLMBackend(parts, VLLMLoader(clock, lambda: vllm, {})).run(config), [gpu.uuid for gpu in context.gpus]


@pytest.fixture
def three_gpus(simulate):
    """300 W, 500 W and 700 W."""
    simulation = simulate(
        *(sim_gpu("hopper", number=number, load=[Constant(240.0 + 200.0 * number)]) for number in range(3))
    )
    simulation.switch(1.0)
    return simulation


def test_a_model_on_one_gpu_is_charged_with_this_gpu(three_gpus):
    result, uuids = measured(three_gpus)
    assert list(result.energy_per_device_j) == uuids
    assert len(uuids) == 1
    assert result.energy_total_j == pytest.approx(300.0 * result.duration_sec, rel=0.05)
    assert result.multi_gpu is None


def test_tensor_parallel_is_charged_with_both_gpus(three_gpus):
    result, uuids = measured(three_gpus, **{"vllm.tensor_parallel_size": 2})
    assert list(result.energy_per_device_j) == uuids
    assert result.energy_total_j == pytest.approx(800.0 * result.duration_sec, rel=0.05)
    assert (result.multi_gpu.strategy, result.multi_gpu.devices) == ("tensor_parallel", tuple(uuids))
    assert result.model_info.devices == ("cuda:0", "cuda:1")


def test_stages_are_charged_with_their_gpus(three_gpus):
    result, _ = measured(three_gpus, **{"vllm.pipeline_parallel_size": 3})
    assert result.energy_total_j == pytest.approx(1500.0 * result.duration_sec, rel=0.05)
    assert result.multi_gpu.strategy == "pipeline_parallel"


def test_a_window_of_vllm_has_every_block_of_requests(three_gpus):
    result, _ = measured(three_gpus)
    assert (result.n_prompts, result.output_tokens, result.tokens.ended_early_share) == (4, 96, 0.0)
    assert result.latency.ttft.count == 4
    assert result.latency.itl is not None
    assert result.phases is not None
    assert "prefix cache" in result.flops_architecture.notes  # the fake finds a quarter of every prompt there
    assert result.scheduler.preemptions == 4
    assert [warning.code for warning in result.warnings if warning.code == "requests_preempted"] == [
        "requests_preempted"
    ]
