"""Peak memory of a window, and what failures of torch become."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

from llenergymeasure import ExperimentConfig  # noqa: E402
from llenergymeasure.core.backends.pytorch.faults import explained  # noqa: E402
from llenergymeasure.core.backends.pytorch.memory import ProcessMemory  # noqa: E402
from llenergymeasure.exceptions import BackendError, ConfigError  # noqa: E402

CONFIG = ExperimentConfig(model="org/m", pytorch={"batch_size": 8})


def test_the_peak_is_the_kernel_s_high_water_mark_after_a_reset(tmp_path):
    (tmp_path / "status").write_text("Name: x\nVmHWM:\t  500000 kB\nVmRSS: 1 kB\n")
    memory = ProcessMemory(tmp_path)
    memory.reset()
    assert (tmp_path / "clear_refs").read_text() == "5"
    assert memory.peak_mb() == (512.0, "process_rss")


def test_where_the_mark_cannot_be_reset_the_peak_is_unknown_and_not_an_old_one(tmp_path):
    memory = ProcessMemory(tmp_path / "nowhere")
    memory.reset()
    peak, source = memory.peak_mb()
    assert peak is None
    assert "cannot be reset" in source


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (torch.OutOfMemoryError("20 GiB"), "lower pytorch.batch_size"),
        (MemoryError("host"), "lower pytorch.batch_size"),
        (MemoryError(), "): MemoryError; lower pytorch.batch_size"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            "ran out of memory",
        ),
        (ImportError("No module named peft"), 'pip install "llenergymeasure[pytorch]"'),
        (ImportError("No module named x"), "install the package it names"),
        (OSError("Error while deserializing header of model.safetensors"), "fetch or copy it again"),
        (OSError("You are trying to access a gated repo"), "HF_TOKEN"),
        (OSError("401 Client Error: Unauthorized for url: https://huggingface.co/org/m"), "HF_TOKEN"),
        (TypeError("got an unexpected keyword argument 'nonsense'"), "passthrough_kwargs"),
        (RuntimeError("something else"), "RuntimeError: something else"),
    ],
)
def test_a_failure_is_explained(error, words):
    with pytest.raises(BackendError, match="loading org/m") as caught, explained("loading org/m", CONFIG):
        raise error
    assert words in str(caught.value)
    assert caught.value.__cause__ is error


def test_a_number_like_a_status_is_no_refused_access():
    with pytest.raises(BackendError) as caught, explained("generating", CONFIG):
        raise RuntimeError("shape [1, 401] is invalid for input of size 4030")
    assert str(caught.value).endswith("for input of size 4030")


def test_our_own_errors_pass_through():
    with pytest.raises(ConfigError, match="ours"), explained("loading", CONFIG):
        raise ConfigError("ours")


def test_the_transformers_loader_and_engine_run_in_process():
    """The whole door on the built-in model: load, generate twice, release."""
    pytest.importorskip("transformers")
    from llenergymeasure.core.backends.pytorch.loading import TransformersLoader
    from llenergymeasure.core.machine.clock import SystemClock

    config = ExperimentConfig(
        model="builtin/tiny-llama", max_output_tokens=3, pytorch={"batch_size": 2, "device": "cpu"}
    )
    engine = TransformersLoader(SystemClock()).load(config)
    assert engine.architecture["hidden_size"] == 256
    assert engine.info.random_weights
    assert len(engine.tokenizer.encode(["a b"])) == 1
    assert engine.tokenizer.vocab_size == 8192
    assert engine.tokenizer.special_ids == {0, 1, 2}
    batches = engine.prepare([[5, 6, 7], [8]])
    engine.synchronise()
    engine.reset_peak_memory()
    records = engine.run(batches).records()
    assert records.batches[0].padded_length == 3
    assert [request.input_tokens for request in records.requests] == [3, 1]
    assert engine.run(batches, max_new_tokens=1).records().batches[0].step_tokens == (1,)
    assert engine.peak_memory_mb()[1] == "process_rss"
    assert engine.host_threads() >= 1
    assert engine.cuda_facts() is None
    engine.release()
    engine.release()
