"""Which notes appear before a run that can start."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure.domain.energy import MeterChoice
from llenergymeasure.domain.environment import GpuInfo
from llenergymeasure.orchestration.notes import notes, plan_notes

NVML = MeterChoice(name="nvml", reason="asked for")
# 8.03 billion parameters: 16.1 GB in 16 bits, 18.6 GB with cache and 15 %.
LLAMA_8B = {
    "model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256,
}  # fmt: skip


@pytest.fixture
def large(tmp_path: Path) -> ExperimentConfig:
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_8B))
    return ExperimentConfig(model=str(tmp_path), pytorch={"load_format": "dummy"})


def a_gpu(vram_mb: float | None = 80_000, **facts) -> GpuInfo:
    return GpuInfo(index=0, name="H100", uuid="GPU-1", vram_mb=vram_mb, **facts)


def reported(config, meter=NVML, *gpus) -> list[str]:
    return list(notes(config, {}, meter, gpus))


def test_a_plan_notes_a_model_that_is_not_on_this_machine(tmp_path):
    (note,) = plan_notes(ExperimentConfig(model="org/not-here"), {"HOME": str(tmp_path)})
    assert note.startswith("model 'org/not-here' is not on this machine: the run would fetch it from the hub")
    assert list(plan_notes(ExperimentConfig(model="builtin/tiny-llama"), {"HOME": str(tmp_path)})) == []


def test_a_model_that_fits_under_a_meter_is_no_concern(large):
    assert reported(large, NVML, a_gpu(persistence_mode=True)) == []


def test_a_model_larger_than_the_gpu_is_reported_with_both_numbers_and_what_to_lower(large):
    (note,) = reported(large, NVML, a_gpu(vram_mb=16_000))
    assert "about 18.6 GB" in note
    assert "1 GPU has 16 GB" in note
    assert "lower pytorch.batch_size" in note


def test_for_vllm_it_is_the_requests_at_the_same_time_that_are_lowered(large):
    of_vllm = ExperimentConfig(model=large.model, backend="vllm", vllm={"load_format": "dummy"})
    (note,) = reported(of_vllm, NVML, a_gpu(vram_mb=16_000))
    assert "lower vllm.max_num_seqs, max_input_tokens" in note
    assert "pytorch" not in note


def test_several_gpus_hold_it_together(large):
    assert reported(large, NVML, a_gpu(vram_mb=16_000), a_gpu(vram_mb=16_000)) == []
    (note,) = reported(large, NVML, a_gpu(vram_mb=8_000), a_gpu(vram_mb=8_000))
    assert "2 GPUs have 16 GB" in note


def test_where_a_size_is_not_known_nothing_is_claimed(large):
    assert reported(large, NVML, a_gpu(vram_mb=None)) == []
    assert reported(ExperimentConfig(model="org/not-here"), NVML, a_gpu()) == []
    assert reported(large) == []


def test_a_run_without_any_meter_has_a_note_before_it_starts(large):
    assert reported(large, MeterChoice(name="none", reason="no meter is available: nvml: no NVIDIA GPU")) == [
        "energy will not be measured: no meter is available: nvml: no NVIDIA GPU"
    ]


def test_energy_that_is_off_on_purpose_is_no_concern(large):
    assert reported(large, MeterChoice(name="null", reason="energy measurement is switched off")) == []


def test_persistence_mode_off_comes_with_the_command(large):
    (note,) = reported(large, NVML, a_gpu(persistence_mode=False))
    assert note.endswith("run: sudo nvidia-smi -pm 1")


def with_batches(size: int, **fields) -> ExperimentConfig:
    return ExperimentConfig(model="builtin/tiny-llama", pytorch={"batch_size": size, **fields}, n=4)


def test_a_batch_that_cannot_be_full_is_noted_before_a_run_and_in_a_plan():
    expected = (
        "pytorch.batch_size is 8, but a process has at most 4 prompts (n is 4), so no batch is full; "
        "raise n, or lower pytorch.batch_size"
    )
    assert list(plan_notes(with_batches(8), {})) == [expected]
    assert reported(with_batches(8)) == [expected]


def test_a_batch_of_all_prompts_of_a_process_is_full():
    assert list(plan_notes(with_batches(4), {})) == []
    (note,) = plan_notes(with_batches(4, num_processes=2), {})
    assert "a process has at most 2 prompts (n is 4)" in note
