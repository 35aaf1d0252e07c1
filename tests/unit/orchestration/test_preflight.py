"""What is found before a run, and how it is fixed."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial

import pytest

from canned_server import canned_server
from llenergymeasure import ExperimentConfig
from llenergymeasure.core.devices import MeterContext
from llenergymeasure.core.energy.select import meter_findings
from llenergymeasure.exceptions import Finding, PreFlightError
from llenergymeasure.orchestration.model.hub import hub_findings
from llenergymeasure.orchestration.preflight import Request, findings_of, refuse
from llenergymeasure.resilience import retry
from llenergymeasure.testing import FakeClock


def request(has=lambda module: True, gpus=0, **fields) -> Request:
    config = ExperimentConfig(**{"model": "builtin/tiny-llama", "n": 4, **fields})
    meters = partial(meter_findings, context=MeterContext(FakeClock()))
    return Request(config, environ={}, has=has, cuda_devices=lambda: gpus, meters=meters, model_types=lambda: None)


SERVER = {"backend": "server", "server": {"launch": ["sh", "{port}"]}}


def findings(asked: Request) -> list[Finding]:
    return list(findings_of(asked))


def test_nothing_is_found_where_nothing_is_wrong():
    assert findings(request(energy={"backend": "null"})) == []


def missing(*names):
    return lambda module: module not in names


@pytest.mark.parametrize(
    ("asked", "problem", "fix"),
    [
        (request(has=missing("torch")), "needs torch", 'pip install "llenergymeasure[pytorch]"'),
        (request(has=missing("httptools"), **SERVER), "needs httptools", 'pip install "llenergymeasure[server]"'),
        (
            request(backend="tensorrt", precision="fp16"),
            "this release cannot measure backend 'tensorrt'",
            'set backend: server, and server.launch: [trtllm-serve, "{model}", --port, "{port}"]',
        ),
        (request(has=missing("peft"), lora={"adapter_id": "a/b"}), "lora needs peft", "pip install peft"),
        (
            request(has=missing("accelerate"), pytorch={"device_map": "auto"}),
            "needs accelerate",
            "pip install accelerate",
        ),
        (
            request(has=missing("bitsandbytes"), pytorch={"load_in_4bit": True}),
            "needs bitsandbytes",
            "pip install bitsandbytes",
        ),
        (
            request(has=missing("accelerate"), pytorch={"load_in_8bit": True}),
            "quantised loading needs accelerate",
            "pip install accelerate",
        ),
        (
            request(has=missing("flash_attn", "kernels"), gpus=1, pytorch={"attn_implementation": "flash_attention_2"}),
            "needs flash_attn or kernels",
            "pip install flash-attn",
        ),
        (
            request(
                has=missing("flash_attn_interface", "kernels"),
                gpus=1,
                pytorch={"attn_implementation": "flash_attention_3"},
            ),
            "needs flash_attn_interface or kernels",
            "pip install flash-attn-3",
        ),
        (request(has=missing("gguf"), model="m.gguf"), "a GGUF file needs gguf", "pip install gguf"),
        (
            request(model="m.gguf", pytorch={"load_in_4bit": True}),
            "load_in_4bit cannot quantise a GGUF file",
            "name a directory or a repository with safetensors, or remove load_in_4bit",
        ),
        (
            request(model="builtin/smollm2-135m", pytorch={"load_in_8bit": True}),
            "load_in_8bit cannot quantise a GGUF file",
            "with safetensors, such as HuggingFaceTB/SmolLM2-135M-Instruct, or remove load_in_8bit",
        ),
        (
            request(model="builtin/tiny-llama", pytorch={"load_in_8bit": True}),
            "load_in_8bit cannot quantise drawn weights",
            "name a model with weights, or remove load_in_8bit",
        ),
        (request(energy={"backend": "nvml"}), "'nvml' is not available: no NVIDIA GPU", "nvidia-smi"),
    ],
)
def test_each_fault_names_its_fix(asked, problem, fix):
    found = findings(asked)
    assert any(problem in finding.problem and fix in finding.fix for finding in found), found


@pytest.mark.parametrize("device", [None, "cpu"])
def test_without_a_gpu_no_package_of_a_kernel_for_gpus_is_recommended(device):
    section = {"attn_implementation": "flash_attention_2", "device": device}
    (finding,) = findings(request(has=missing("flash_attn", "kernels"), energy={"backend": "null"}, pytorch=section))
    assert "pip install" not in finding.fix
    assert "set pytorch.attn_implementation: sdpa" in finding.fix


@pytest.mark.parametrize(
    ("section", "setting", "otherwise"),
    [
        ({"device": "cuda"}, "pytorch.device is 'cuda'", "set pytorch.device: cpu"),
        ({"cache_implementation": "offloaded_static"}, "is 'offloaded_static'", "cache_implementation: static"),
        ({"attn_implementation": "flash_attention_2"}, "is 'flash_attention_2'", "attn_implementation: sdpa"),
        ({"device_map": {"model": 1, "lm_head": "cpu"}}, "device_map names device 1", "device_map: auto"),
        ({"device_map": "cuda:1"}, "device_map names device cuda:1", "device_map: auto"),
    ],
)
def test_what_works_on_gpus_alone_is_found_where_there_is_none(section, setting, otherwise):
    (finding,) = findings(request(energy={"backend": "null"}, pytorch=section))
    assert finding.problem.endswith(f"{setting}, but no CUDA device was found")
    assert otherwise in finding.fix
    assert "nvidia-smi" in finding.fix
    assert findings(request(energy={"backend": "null"}, gpus=2, pytorch=section)) == []
    assert findings(request(energy={"backend": "null"}, gpus=None, pytorch=section)) == []
    if "device" not in section:
        (finding,) = findings(request(energy={"backend": "null"}, gpus=2, pytorch={**section, "device": "cpu"}))
        assert finding.problem.endswith(f"{setting}, but pytorch.device is 'cpu'")


def test_the_gpus_are_not_asked_for_when_no_setting_depends_on_them():
    def asked():
        raise AssertionError("asked")

    assert findings(replace(request(energy={"backend": "null"}), cuda_devices=asked)) == []
    cpu = request(energy={"backend": "null"}, pytorch={"device": "cpu", "num_processes": 2})
    assert findings(replace(cpu, cuda_devices=asked)) == []


def test_more_processes_than_gpus_are_found():
    (finding,) = findings(request(energy={"backend": "null"}, gpus=2, pytorch={"num_processes": 3}))
    assert finding.problem == "3 processes on this machine would share 2 GPUs; each needs its own GPU"
    assert "pytorch.num_processes: 2" in finding.fix
    assert findings(request(energy={"backend": "null"}, gpus=0, pytorch={"num_processes": 3})) == []


def test_a_model_spread_over_devices_is_not_run_several_times():
    (finding,) = findings(request(energy={"backend": "null"}, pytorch={"num_processes": 2, "device_map": "auto"}))
    assert "pytorch.device_map spreads one model over devices that other processes use" in finding.problem


@pytest.mark.parametrize(
    ("method", "module", "package"),
    [
        ("awq", "gptqmodel", "gptqmodel"),
        ("gptq", "optimum", "optimum"),
        ("bitsandbytes", "bitsandbytes", "bitsandbytes"),
        ("compressed-tensors", "compressed_tensors", "compressed-tensors"),
        ("bitnet", "accelerate", "accelerate"),
    ],
)
def test_what_unpacks_a_quantised_checkpoint_must_be_installed(tmp_path, method, module, package):
    config = {"model_type": "llama", "quantization_config": {"quant_method": method}}
    model = directory_with(tmp_path / "m", config=json.dumps(config))
    asked = request(has=missing(module), model=model, energy={"backend": "null"}, pytorch={"load_format": "dummy"})
    assert findings(asked) == []
    (tmp_path / "m" / "pytorch_model.bin").touch()
    asked = request(has=missing(module), model=model, energy={"backend": "null"})
    (finding,) = findings(asked)
    assert finding.problem == f"a checkpoint quantised with {method} needs {module} (not installed)"
    assert finding.fix == f"pip install {package}"


@pytest.mark.parametrize("stated", [None, 5, "gptq", {}, {"quant_method": ["gptq"]}, {"quant_method": "brand_new"}])
def test_a_quantisation_that_is_not_known_here_is_left_to_transformers(tmp_path, stated):
    config = {"model_type": "llama", "quantization_config": stated}
    model = directory_with(tmp_path / "m", config=json.dumps(config))
    (tmp_path / "m" / "pytorch_model.bin").touch()
    assert findings(request(has=missing("optimum"), model=model, energy={"backend": "null"})) == []


def test_a_model_of_the_hub_is_asked_for_unless_the_run_is_dry():
    asked = []

    def hub(model, revision, file, section):
        asked.append((model, revision, file, section))
        yield Finding("gated", "export HF_TOKEN=...")

    online = replace(request(model="org/some-model", pytorch={"revision": "v1"}), hub=hub)
    assert [finding.problem for finding in findings(online)] == ["gated"]
    assert asked == [("org/some-model", "v1", "config.json", "pytorch")]
    assert findings(replace(online, online=False)) == []


class GatedRepoError(Exception):
    pass


class RepositoryNotFoundError(Exception):
    pass


class RevisionNotFoundError(Exception):
    pass


class EntryNotFoundError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "problem", "fix"),
    [
        (GatedRepoError(), "is gated", "export HF_TOKEN"),
        (RepositoryNotFoundError(), "does not exist on the hub", "check the name"),
        (RevisionNotFoundError(), "no revision 'v9'", "pytorch.revision"),
        (EntryNotFoundError(), "no config.json", "another one"),
        (ConnectionError("secret"), "cannot be reached (ConnectionError)", "hf download org/m"),
    ],
)
def test_what_the_hub_says_is_reported_with_its_fix(error, problem, fix):
    def ask(model, revision, file):
        raise error

    (finding,) = hub_findings("org/m", "v9", ask=ask, again=lambda call: call())
    assert problem in finding.problem
    assert fix in finding.fix


def test_the_setting_of_the_revision_is_that_of_the_section():
    def ask(model, revision, file):
        raise RevisionNotFoundError

    (finding,) = hub_findings("org/m", "v9", section="vllm", ask=ask, again=lambda call: call())
    assert finding.fix == "set vllm.revision to an existing one"


def test_a_repository_without_its_file_cannot_be_loaded_by_any_backend():
    def ask(model, revision, file):
        raise EntryNotFoundError

    (finding,) = hub_findings("org/m", None, section="vllm", ask=ask, again=lambda call: call())
    assert finding.problem == "model 'org/m' has no config.json: it cannot be loaded"


def test_a_built_in_model_of_a_similar_name_is_suggested():
    def ask(model, revision, file):
        raise ConnectionError

    (finding,) = hub_findings("smollm2", None, ask=ask, again=lambda call: call())
    assert finding.fix.startswith("did you mean 'builtin/smollm2-135m'? if not: on a connected machine: ")


def test_a_hub_that_answers_at_the_second_time_is_no_finding():
    calls = []

    def ask(model, revision, file):
        calls.append(file)
        if len(calls) == 1:
            raise ConnectionError

    def again(call):
        retry(call, attempts=2, sleep=lambda seconds: None)

    assert list(hub_findings("org/m", None, "adapter_config.json", ask=ask, again=again)) == []
    assert calls == ["adapter_config.json"] * 2


def directory_with(folder, **files):
    folder.mkdir()
    for name, content in files.items():
        (folder / f"{name}.json").write_text(content)
    return str(folder)


def test_a_draft_model_and_an_adapter_are_looked_for_like_the_model(tmp_path):
    draft = directory_with(tmp_path / "draft", config='{"model_type": "llama"}')
    adapter = directory_with(tmp_path / "adapter")
    asked = request(
        energy={"backend": "null"},
        decoder={"speculative_decoding": True, "draft_model": draft},
        lora={"adapter_path": adapter},
    )
    assert [finding.problem for finding in findings(asked)] == [
        f"model directory {draft} has no weights that can be read (model.safetensors, pytorch_model.bin)",
        f"directory {adapter} has no adapter_config.json",
    ]


def test_a_built_in_model_cannot_be_a_draft_for_it_has_no_weights():
    asked = request(
        energy={"backend": "null"}, decoder={"speculative_decoding": True, "draft_model": "builtin/tiny-llama"}
    )
    (finding,) = findings(asked)
    assert (finding.problem, finding.fix) == (
        "model 'builtin/tiny-llama' comes without weights",
        "name a decoder.draft_model with weights",
    )


def test_a_damaged_index_in_the_hub_s_cache_is_one_finding_among_the_others(tmp_path):
    snapshot = tmp_path / "models--org--m" / "snapshots" / "main"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text('{"model_type": "llama"}')
    (snapshot / "model.safetensors.index.json").write_text("{")
    asked = replace(request(model="org/m", n=5000), environ={"HF_HUB_CACHE": str(tmp_path)})
    problems = [finding.problem for finding in findings(asked)]
    assert len(problems) == 2
    assert "model.safetensors.index.json cannot be read as JSON" in problems[0]


@pytest.mark.parametrize(("place", "words"), [("file/below", "is not a directory"), ("/proc/x", "is not writable")])
def test_an_output_directory_that_cannot_be_made_is_found_before_the_run(tmp_path, place, words):
    (tmp_path / "file").touch()
    (finding,) = findings(replace(request(energy={"backend": "null"}), output_dir=tmp_path / place))
    assert words in finding.problem
    assert "--output" in finding.fix


def test_checking_an_output_directory_leaves_no_file(tmp_path):
    assert findings(replace(request(energy={"backend": "null"}), output_dir=tmp_path / "a" / "b")) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("processes", "fields", "words"),
    [
        (None, {"n": 1, "pytorch": {"num_processes": 2}}, "1 prompts are fewer than 2 processes"),
        (4, {"n": 3}, "3 prompts are fewer than 4 processes"),
        (4, {"n": 8, "pytorch": {"num_processes": 2}}, "num_processes is 2, but 4 processes were started"),
        (4, {"n": 8, "pytorch": {"device_map": "auto"}}, "device_map spreads one model"),
    ],
)
def test_what_cannot_be_divided_is_found_before_the_run(processes, fields, words):
    (finding,) = findings(replace(request(energy={"backend": "null"}, **fields), processes=processes))
    assert words in finding.problem


def test_a_launcher_that_started_more_processes_than_there_are_gpus_is_reported():
    launched = replace(request(energy={"backend": "null"}, gpus=2), processes=4, local_processes=3)
    (finding,) = findings(launched)
    assert finding.problem == "3 processes on this machine would share 2 GPUs; each needs its own GPU"
    assert findings(replace(launched, local_processes=2)) == []


def refused(*found):
    with pytest.raises(PreFlightError) as caught:
        refuse(found)
    return [finding.problem for finding in caught.value.findings]


def test_nothing_found_of_any_experiment_lets_the_list_pass():
    refuse([(), ()])


def test_the_findings_of_one_experiment_are_unchanged():
    assert refused([Finding("no GPU", "buy one")]) == ["no GPU"]


def test_the_findings_of_several_name_their_experiments_and_each_is_reported_once():
    torch, data = Finding("no torch", "install it"), Finding("no data", "make some")
    assert refused((torch,), (torch, data), (torch,)) == ["every experiment: no torch", "experiment 2: no data"]
    assert refused((), (data,), (data,)) == ["experiments 2, 3: no data"]


def test_no_package_is_recommended_for_a_file_that_cannot_be_quantised():
    found = findings(request(has=missing("bitsandbytes"), model="m.gguf", pytorch={"load_in_8bit": True}))
    assert not [each for each in found if "bitsandbytes" in each.fix]


def test_a_server_needs_no_model_on_this_machine_and_runs_in_one_process():
    quiet = {**SERVER, "model": "org/not-here", "energy": {"backend": "null"}}
    assert findings(request(**quiet)) == []
    (finding,) = findings(replace(request(**quiet), processes=2))
    assert finding.problem == "backend 'server' runs in one process, but 2 processes were started"


def test_a_running_server_is_asked_before_a_run_and_not_in_a_dry_run():
    with canned_server({"/v1/models": (200, {"data": []})}) as canned:
        section = {"backend": "server", "server": {"url": canned.url}, "energy": {"backend": "null"}}
        (finding,) = findings(request(**section))
        assert finding.problem.endswith("but the server lists no model")
        assert len(canned.asked) == 1
        assert findings(replace(request(**section), online=False)) == []
        assert len(canned.asked) == 1
