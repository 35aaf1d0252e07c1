"""Loading passes every setting to vLLM, reads it back, and leaves nothing behind where it fails."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from fake_vllm import FakeVLLM  # noqa: E402
from llenergymeasure.config.introspection import parameters, valid_example  # noqa: E402
from llenergymeasure.config.loader import build_experiment_config  # noqa: E402
from llenergymeasure.core.backends.vllm.loading import VLLMLoader  # noqa: E402
from llenergymeasure.core.backends.vllm.passthrough import NOT_PASSED  # noqa: E402
from llenergymeasure.exceptions import BackendError, OutOfMemory  # noqa: E402
from llenergymeasure.testing import FakeClock  # noqa: E402

SECTION = [parameter for parameter in parameters() if parameter.name.startswith("vllm.")]


def load(vllm=None, environ=None, **fields):
    vllm = vllm or FakeVLLM(FakeClock())
    config = build_experiment_config({"model": "builtin/tiny-llama", "backend": "vllm"}, fields)
    return VLLMLoader(vllm.clock, lambda: vllm, {} if environ is None else environ).load(config), vllm


def test_what_this_package_decides_is_passed():
    _, vllm = load()
    (arguments,) = vllm.named("engine")
    assert arguments["dtype"] == "bfloat16"
    assert arguments["load_format"] == "dummy"
    assert arguments["enable_prefix_caching"] is False
    assert arguments["disable_log_stats"] is False
    assert arguments["model"].endswith("tiny_llama")


def test_a_model_with_weights_is_loaded_with_them():
    _, vllm = load(model="org/model")
    assert (vllm.named("engine")[0]["model"], vllm.named("engine")[0]["load_format"]) == ("org/model", "auto")


def test_the_cache_on_a_cpu_has_a_size_of_its_own_unless_one_was_chosen():
    assert load()[1].named("engine")[0]["kv_cache_memory_bytes"] == 2**30
    by_environment = load(environ={"VLLM_CPU_KVCACHE_SPACE": "2"})[1].named("engine")[0]
    by_share = load(**{"vllm.gpu_memory_utilization": 0.5})[1].named("engine")[0]
    by_passthrough = load(passthrough_kwargs={"kv_cache_memory_bytes": 2**31})[1].named("engine")[0]
    on_gpu = load(FakeVLLM(FakeClock(), device="cuda"))[1].named("engine")[0]
    assert "kv_cache_memory_bytes" not in by_share | on_gpu
    assert by_passthrough["kv_cache_memory_bytes"] == by_environment["kv_cache_memory_bytes"] == 2**31


def test_a_size_of_the_cache_takes_the_place_of_the_share_of_the_memory():
    assert "gpu_memory_utilization" not in load()[0].info.effective_settings
    by_share = load(**{"vllm.gpu_memory_utilization": 0.5})[0]
    assert by_share.info.effective_settings["gpu_memory_utilization"] == 0.5


def test_an_argument_that_vllm_switches_off_has_no_value():
    off = load(passthrough_kwargs={"min_p": 0.1})[0]
    assert off.info.effective_settings["min_p"] is None
    on = load(passthrough_kwargs={"min_p": 0.1}, **{"decoder.decoding_strategy": "sampling"})[0]
    assert on.info.effective_settings["min_p"] == 0.1


def test_greedy_decoding_is_temperature_zero():
    engine, _ = load()
    assert engine.info.effective_settings["temperature"] == 0.0


def test_sampling_has_the_settings_of_the_decoder():
    engine, _ = load(
        **{
            "decoder.decoding_strategy": "sampling", "decoder.temperature": 0.7, "decoder.top_p": 0.9, "decoder.top_k": 20,
            "decoder.repetition_penalty": 1.1, "min_output_tokens": 3,
        }
    )  # fmt: skip
    found = engine.info.effective_settings
    assert [found[name] for name in ("temperature", "top_p", "top_k", "repetition_penalty", "min_tokens")] == [
        0.7, 0.9, 20, 1.1, 3
    ]  # fmt: skip


def test_defaults_of_the_model_apply_where_the_configuration_has_no_field_and_are_named():
    engine, _ = load(FakeVLLM(FakeClock(), of_model={"presence_penalty": 1.5, "temperature": 0.2}))
    assert engine.info.effective_settings["presence_penalty"] == 1.5
    assert engine.info.effective_settings["temperature"] == 0.0
    assert engine.info.model_generation_defaults == {"presence_penalty": 1.5}


def test_ends_of_the_model_beside_that_of_the_tokenizer_are_named():
    engine, _ = load(FakeVLLM(FakeClock(), of_model={"eos_token_id": [1, 7]}))
    assert engine.info.effective_settings["eos_token_id"] == [1, 7]
    assert engine.info.model_generation_defaults == {"eos_token_id": [1, 7]}


def test_passthrough_goes_to_the_call_that_knows_it():
    _, vllm = load(passthrough_kwargs={"swap_space": 2, "min_p": 0.1})
    assert vllm.named("engine")[0]["swap_space"] == 2
    assert "min_p" not in vllm.named("engine")[0]
    assert vllm.named("sampling_params")[0]["min_p"] == 0.1


def test_unknown_passthrough_is_refused_before_anything_is_loaded():
    vllm = FakeVLLM(FakeClock())
    with pytest.raises(BackendError, match="swap_spaec"):
        load(vllm, passthrough_kwargs={"swap_spaec": 2})
    assert vllm.named("engine") == []


@pytest.mark.parametrize("name", NOT_PASSED)
def test_arguments_with_which_there_is_no_measurement_are_refused(name):
    vllm = FakeVLLM(FakeClock())
    with pytest.raises(BackendError, match=f"may not set {name}: .*; remove it"):
        load(vllm, passthrough_kwargs={name: 2})
    assert vllm.named("engine") == []


def test_the_kernel_of_layers_in_other_processes_is_not_known():
    engine, _ = load(**{"vllm.tensor_parallel_size": 2, "vllm.attention_backend": "TRITON_ATTN"})
    engine.release()
    assert "attention_backend" not in engine.info.effective_settings
    assert engine.info.attn_implementation is None


def test_stop_strings_need_text():
    _, vllm = load(passthrough_kwargs={"stop": ["\n"]})
    assert vllm.named("sampling_params")[0]["detokenize"] is True


@pytest.mark.parametrize("parameter", SECTION, ids=lambda parameter: parameter.name)
def test_every_field_of_the_section_is_passed_and_read_back(parameter):
    fields = valid_example(parameter)
    engine, _ = load(**fields)
    engine.release()
    found = engine.info.effective_settings
    for name, value in fields.items():
        section, _, field = name.partition(".")
        if section == "vllm" and not field.startswith("speculative"):
            assert found[field] == value, name
    if parameter.name.startswith("vllm.speculative"):
        assert set(found["speculative"]) == {"model", "num_tokens"}


def test_what_vllm_decides_otherwise_is_read_back():
    engine, _ = load(FakeVLLM(FakeClock(), changed={"block_size": 128}), **{"vllm.block_size": 16})
    assert engine.info.effective_settings["block_size"] == 128


def test_the_model_is_described():
    engine, _ = load()
    info = engine.info
    assert (info.device, info.devices, info.dtype, info.attn_implementation) == (
        "cpu",
        ("cpu",),
        "bfloat16",
        "CPU_ATTN",
    )
    assert info.n_parameters == info.memory_mb * 1e6 / 2
    assert info.n_matmul_parameters > 0
    assert info.n_matmul_parameters_counted is None  # nothing counts the modules of vLLM
    assert "not counted" in info.parameters_reason
    assert (info.max_num_seqs, info.max_positions, info.random_weights) == (256, 2048, True)
    assert (info.effective_settings["kv_cache_tokens"], info.effective_settings["kv_cache_bytes"]) == (1024, 8192)


def test_parallel_settings_spread_the_model_over_gpus():
    vllm = FakeVLLM(FakeClock(), device="cuda")
    engine, _ = load(vllm, **{"vllm.tensor_parallel_size": 2, "vllm.pipeline_parallel_size": 2})
    engine.release()
    assert engine.info.devices == ("cuda:0", "cuda:1", "cuda:2", "cuda:3")


def test_the_environment_is_as_before_after_the_release():
    environ = {"MINE": "1"}
    engine, _ = load(environ=environ)
    assert environ["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"
    assert environ["VLLM_NO_USAGE_STATS"] == "1"
    engine.release()
    assert environ == {"MINE": "1"}


def test_a_process_with_a_group_of_processes_is_refused(tmp_path):
    vllm = FakeVLLM(FakeClock())
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        with pytest.raises(BackendError, match=r"group of torch\.distributed already.*release that model first"):
            load(vllm)
        assert torch.distributed.is_initialized()
    finally:
        torch.distributed.destroy_process_group()
    assert vllm.calls == []


def test_several_devices_have_processes_of_their_own():
    environ = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0"}
    engine, _ = load(environ=environ, **{"vllm.tensor_parallel_size": 2})
    assert environ["VLLM_ENABLE_V1_MULTIPROCESSING"] == "1"
    engine.release()


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (ValueError("To serve at least one request, (1.2 GiB KV cache is needed, ...)"), "lower vllm.max_model_len"),
        (ValueError("No available memory for the cache blocks."), "lower vllm.max_model_len"),
        (
            ValueError("User-specified max_model_len (9) is greater than the derived max_model_len"),
            "lower vllm.max_model_len",
        ),
        (ValueError("Model architectures ['X'] are not supported for now."), "set|measure it with backend: pytorch"),
        (
            RuntimeError("Engine core initialization failed. See root cause above."),
            "at level DEBUG what vLLM's processes wrote",
        ),
        (
            ValueError("Memory on kv cache allocation is less than requested memory for kv (-0.77/0.0 GiB)."),
            "weights alone take more than vllm.gpu_memory_utilization allows: raise it",
        ),
        (ValueError("Couldn't instantiate the backend tokenizer from one of: (1)"), "such as tokenizer.json"),
        (json.JSONDecodeError("Expecting ','", "{", 1), "a file of the model is missing or damaged"),
        (ValueError("Cannot find the config file for awq"), "remove vllm.quantization"),
        (ValueError("Missing required configuration fields: {'lora_alpha'}"), "adapter_config.json of the adapter"),
        (TypeError("EngineArgs.__init__() got an unexpected keyword argument 'x'"), "passthrough_kwargs"),
    ],
)
def test_a_failure_names_its_fix_and_leaves_nothing(fault, expected):
    environ = {}
    vllm = FakeVLLM(FakeClock(), fault=fault)
    with pytest.raises(BackendError, match=expected):
        load(vllm, environ)
    assert vllm.named("clean_up") == [None]
    assert environ == {}


@pytest.mark.parametrize(
    "text",
    ["Worker proc VllmWorker-1 died unexpectedly", "RPC call to execute_model timed out.", "Executor failed."],
)
def test_a_process_that_ended_while_generating_is_explained(text):
    engine, vllm = load()
    vllm.fault_of_step = RuntimeError(text)
    fix = r"lower vllm\.max_num_seqs, vllm\.gpu_memory_utilization or, on a CPU, VLLM_CPU_KVCACHE_SPACE"
    with pytest.raises(BackendError, match=rf"{text.rstrip('.')}; a process of vLLM ended or hangs.*{fix}"):
        engine.run(engine.prepare([[5]]))


def test_out_of_memory_is_explained():
    vllm = FakeVLLM(FakeClock(), fault=RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"))
    with pytest.raises(OutOfMemory, match=r"ran out of memory \(max_num_seqs 64, .*CUDA out of memory"):
        load(vllm, **{"vllm.max_num_seqs": 64})
