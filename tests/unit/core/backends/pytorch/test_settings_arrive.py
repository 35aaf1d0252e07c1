"""Every setting of the pytorch backend arrives at transformers, one by one, as introspection lists them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from llenergymeasure.config.introspection import Parameter, parameters, valid_example  # noqa: E402
from llenergymeasure.config.loader import build_experiment_config  # noqa: E402
from llenergymeasure.core.backends.pytorch.loading import TransformersLoader  # noqa: E402
from llenergymeasure.core.backends.pytorch.weights import LoadReport  # noqa: E402
from llenergymeasure.exceptions import BackendError  # noqa: E402
from llenergymeasure.testing import FakeClock  # noqa: E402

# Settings that our own code carries out, each with a test of its own.
OURS = {"pytorch.batch_size", "pytorch.batching_strategy", "pytorch.num_processes"}


class TinyModel(torch.nn.Module):
    """Enough of a model to be loaded and to record what `generate` is given."""

    def __init__(self, calls):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(2, 2))
        self.calls = calls
        self.config = SimpleNamespace(_commit_hash="abc", _attn_implementation="sdpa", to_dict=dict)
        self.generation_config = SimpleNamespace(eos_token_id=1)
        self.dtype = torch.bfloat16
        self.device = torch.device("cpu")

    def generate(self, input_ids, stopping_criteria, **arguments):
        arguments["assistant_model"] = type(arguments.get("assistant_model")).__name__
        self.calls.append(("generate", {k: v for k, v in arguments.items() if k != "attention_mask"}))
        return torch.cat([input_ids, torch.ones(len(input_ids), 1, dtype=torch.long)], dim=1)

    def compile(self, **arguments):
        self.calls.append(("compile", arguments))

    def get_memory_footprint(self):
        return 8_000_000

    def get_base_model(self):
        return self


class RecordingLibrary:
    """transformers, as far as loading goes, with a record of every call."""

    def __init__(self, cuda=False):
        self.calls = []
        self.cuda = cuda

    def config(self, source, **arguments):
        self.calls.append(("config", source, arguments))
        return SimpleNamespace()

    def tokenizer(self, source, **arguments):
        self.calls.append(("tokenizer", source, arguments))
        return SimpleNamespace(pad_token_id=0, eos_token_id=1, all_special_ids=[0, 1], __len__=lambda: 100)

    def model(self, source, **arguments):
        self.calls.append(("model", source, arguments))
        return TinyModel(self.calls), LoadReport()

    def model_from_config(self, config, **arguments):
        self.calls.append(("model_from_config", arguments))
        return TinyModel(self.calls)

    def adapter(self, model, source, merge):
        self.calls.append(("adapter", source, merge))
        return model, LoadReport()

    def generate_names(self):
        return frozenset({"guidance_scale", "eos_token_id"})

    def effective_generation(self, model, arguments):
        return dict(arguments), {}

    def cache(self, model, arguments):
        return None

    def cuda_available(self):
        return self.cuda


def record(fields):
    """Every call that loading and one generation make."""
    library = RecordingLibrary()
    config = build_experiment_config({"model": "org/m", "energy": {"backend": "null"}}, fields)
    engine = TransformersLoader(FakeClock(), library).load(config)
    engine.run(engine.prepare([[5, 6]]))
    return library.calls


def without(parameter: Parameter):
    return {name: value for name, value in valid_example(parameter).items() if name != parameter.name}


PYTORCH = [p for p in parameters() if p.name.startswith("pytorch.") and p.name not in OURS | {"pytorch.device"}]
DECODER = [p for p in parameters() if p.name.startswith(("decoder.", "lora."))]
TOP = [
    p
    for p in parameters()
    if p.name in ("model", "precision", "max_output_tokens", "min_output_tokens", "passthrough_kwargs")
]


@pytest.mark.parametrize("parameter", [*PYTORCH, *DECODER, *TOP], ids=lambda p: p.name)
def test_a_setting_changes_what_transformers_is_given(parameter):
    try:
        before = record(without(parameter))
    except ValueError:  # what it needs is not valid without it
        before = record({})
    if parameter.name == "pytorch.load_format":
        assert record({"pytorch.load_format": "dummy"}) != before
    else:
        assert record(valid_example(parameter)) != before


def arguments_of(kind, fields):
    return next(call[-1] for call in record(fields) if call[0] == kind)


@pytest.mark.parametrize(
    ("fields", "kind", "expected"),
    [
        ({"precision": "fp16"}, "model", {"dtype": "float16"}),
        ({"pytorch.attn_implementation": "eager"}, "model", {"attn_implementation": "eager"}),
        ({"pytorch.device_map": "auto", "pytorch.max_memory": {"cpu": "1GiB"}}, "model", {"device_map": "auto"}),
        ({"pytorch.revision": "v1"}, "tokenizer", {"revision": "v1"}),
        ({"pytorch.trust_remote_code": True}, "model", {"trust_remote_code": True}),
        ({"passthrough_kwargs": {"low_cpu_mem_usage": True}}, "model", {"low_cpu_mem_usage": True}),
        ({"passthrough_kwargs": {"guidance_scale": 2.0}}, "generate", {"guidance_scale": 2.0}),
        ({"pytorch.use_cache": False}, "generate", {"use_cache": False}),
        ({"pytorch.cache_implementation": "static"}, "generate", {"cache_implementation": "static"}),
        ({"max_output_tokens": 7}, "generate", {"max_new_tokens": 7, "do_sample": False, "num_beams": 1}),
        ({"min_output_tokens": 7}, "generate", {"min_new_tokens": 7}),
        ({"decoder.decoding_strategy": "beam"}, "generate", {"num_beams": 4}),
        (
            {"decoder.decoding_strategy": "sampling", "decoder.temperature": 0.5, "decoder.top_p": 0.9},
            "generate",
            {"do_sample": True, "temperature": 0.5, "top_p": 0.9, "top_k": 0},
        ),
        (
            {"pytorch.torch_compile": True, "pytorch.torch_compile_mode": "max-autotune"},
            "compile",
            {"mode": "max-autotune"},
        ),
    ],
)
def test_settings_arrive_under_their_own_names(fields, kind, expected):
    assert expected.items() <= arguments_of(kind, fields).items()


def test_quantised_weights_are_placed_by_transformers():
    arguments = arguments_of("model", {"pytorch.load_in_4bit": True, "pytorch.bnb_4bit_quant_type": "nf4"})
    assert arguments["quantization_config"] == {
        "quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4",
    }  # fmt: skip
    assert arguments["device_map"] == {"": "cpu"}


def test_a_passthrough_argument_goes_to_one_call_only():
    calls = {call[0]: call[-1] for call in record({"passthrough_kwargs": {"guidance_scale": 2.0}})}
    assert "guidance_scale" not in calls["model"]


def test_an_unset_section_leaves_loading_to_transformers_and_gives_generate_what_is_documented():
    calls = {call[0]: call[-1] for call in record({})}
    assert calls["model"] == {"dtype": "bfloat16"}
    assert "compile" not in calls
    documented = {
        "use_cache": True,
        "cache_implementation": None,
        "prompt_lookup_num_tokens": None,
        "min_new_tokens": None,
    }
    assert documented.items() <= calls["generate"].items()
    assert "temperature" not in calls["generate"]


def test_cuda_without_a_device_is_refused():
    with pytest.raises(BackendError, match="torch found no CUDA device"):
        record({"pytorch.device": "cuda"})


def test_the_cpu_is_noted_unless_it_was_asked_for():
    def notes(**section):
        config = build_experiment_config({"model": "org/m", "pytorch": section})
        return TransformersLoader(FakeClock(), RecordingLibrary()).load(config).info.notes

    assert "running on the CPU" in notes()[0]
    assert notes(device="cpu") == ()


def test_out_of_memory_is_explained_with_what_to_lower():
    class Full(RecordingLibrary):
        def model(self, source, **arguments):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")

    config = build_experiment_config({"model": "org/m", "pytorch": {"batch_size": 32}})
    with pytest.raises(BackendError, match=r"ran out of memory \(batch_size 32.*lower pytorch.batch_size"):
        TransformersLoader(FakeClock(), Full()).load(config)


def test_a_failure_of_the_library_is_reported_without_secrets():
    class Broken(RecordingLibrary):
        def model(self, source, **arguments):
            raise OSError("401 for https://user:pw@host with hf_abcdEFGH1234")

    with pytest.raises(BackendError, match="loading org/m failed: OSError: 401") as caught:
        TransformersLoader(FakeClock(), Broken()).load(build_experiment_config({"model": "org/m"}))
    assert "pw" not in str(caught.value)
    assert "hf_abcdEFGH1234" not in str(caught.value)
