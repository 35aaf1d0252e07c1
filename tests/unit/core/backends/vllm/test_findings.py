"""What vLLM would refuse after a long load is found before it."""

from __future__ import annotations

from llenergymeasure.config.loader import build_experiment_config
from llenergymeasure.core.backends.vllm.findings import setting_findings
from llenergymeasure.exceptions import Finding


def findings(checkpoint=None, gpus=1, installation=(), on_cpu=False, has=lambda module: True, names=None, **fields):
    config = build_experiment_config({"model": "org/model", "backend": "vllm"}, fields)
    found = setting_findings(
        config, checkpoint or {}, has, lambda: gpus, lambda: iter(installation), lambda: on_cpu, lambda: names
    )
    return [str(finding.problem) for finding in found]


def test_a_plain_experiment_has_none():
    assert findings({"model_type": "llama", "max_position_embeddings": 4096}) == []


def test_findings_about_the_installation_come_with_the_others():
    installation = [Finding("vllm 0.31.0 is installed", "install another")]
    assert findings(installation=installation, **{"decoder.decoding_strategy": "beam"})[0] == "vllm 0.31.0 is installed"


def test_beam_search_is_refused():
    (problem,) = findings(**{"decoder.decoding_strategy": "beam"})
    assert "beam search" in problem


def test_a_gguf_file_is_refused_unless_its_weights_are_drawn():
    assert "does not read GGUF" in findings(model="some.gguf")[0]
    assert "does not read GGUF" in findings(model="builtin/smollm2-135m")[0]
    assert findings(model="org/model", **{"vllm.load_format": "dummy"}) == []


def test_precision_below_16_bits_needs_quantised_weights():
    plain, quantised = {"model_type": "llama"}, {"quantization_config": {"quant_method": "gptq"}}
    assert "needs quantised weights" in findings(plain, precision="int4")[0]
    assert findings(quantised, precision="int4") == []
    assert findings(plain, precision="int8", **{"vllm.quantization": "fp8"}) == []


def test_a_length_beyond_the_positions_of_the_model_is_refused():
    model = {"model_type": "llama", "max_position_embeddings": 2048}
    assert "2048 positions" in findings(model, **{"vllm.max_model_len": 4096})[0]
    assert findings(model, **{"vllm.max_model_len": 2048}) == []


def test_blocks_on_a_cpu_have_a_multiple_of_32_tokens():
    assert "block_size is 16" in findings(on_cpu=True, **{"vllm.block_size": 16})[0]
    assert findings(on_cpu=True, **{"vllm.block_size": 64}) == findings(**{"vllm.block_size": 16}) == []
    assert findings({"kv_lora_rank": 8}, on_cpu=True, **{"vllm.block_size": 16}) == []


def test_parallel_settings_need_their_gpus():
    settings = {"vllm.tensor_parallel_size": 2, "vllm.pipeline_parallel_size": 2}
    assert "needs 4 GPUs, and 2 are visible" in findings(gpus=2, **settings)[0]
    assert findings(gpus=4, **settings) == []
    assert findings(gpus=0, on_cpu=True, **settings) == []  # on a CPU vLLM starts processes
    assert findings(gpus=None, **settings) == []  # not known


def test_a_build_for_gpus_needs_a_gpu():
    (problem,) = findings(gpus=0)
    assert problem == "the installed vLLM is the build for GPUs, and no CUDA device is visible to this process"
    assert findings(gpus=0, on_cpu=True) == []
    assert findings(gpus=0, has=lambda module: module != "vllm") == []  # a missing vLLM is another finding


def test_arguments_that_vllm_does_not_know_or_cannot_take_are_refused():
    unknown = {"passthrough_kwargs": {"swap_spaec": 2}}
    assert "swap_spaec, which neither" in findings(names={"swap_space"}, **unknown)[0]
    assert findings(**unknown) == []  # not known
    assert "may not set structured_outputs" in findings(passthrough_kwargs={"structured_outputs": {"regex": "a"}})[0]
