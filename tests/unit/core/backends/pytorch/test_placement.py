"""Inputs go where the first module computes, and results name the devices that a model is really on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")

from llenergymeasure import ExperimentConfig  # noqa: E402
from llenergymeasure.core.backends.pytorch.library import Transformers  # noqa: E402
from llenergymeasure.core.backends.pytorch.loading import TransformersLoader  # noqa: E402
from llenergymeasure.core.backends.pytorch.placement import devices_of, input_device, kind_of  # noqa: E402
from llenergymeasure.core.machine.clock import SystemClock  # noqa: E402
from llenergymeasure.exceptions import BackendError  # noqa: E402
from llenergymeasure.models.builtin import builtin_model_path  # noqa: E402

SIZES = {
    "vocab_size": 8192, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
}  # fmt: skip
PARTS = ("model.embed_tokens", "model.layers", "model.norm", "model.rotary_emb", "lm_head")


class FakeCuda(Transformers):
    """transformers on a machine that seems to have a GPU: moving anything there would fail."""

    def cuda_available(self):
        return True


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(3)
    transformers.LlamaForCausalLM(transformers.LlamaConfig(**SIZES)).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(builtin_model_path("builtin/tiny-llama")).save_pretrained(folder)
    return folder


def generated(checkpoint, **section):
    """What was loaded, and the ids that it generates for two prompts."""
    passthrough = section.pop("passthrough", None)
    config = ExperimentConfig(
        model=str(checkpoint), precision="fp32", max_output_tokens=4, pytorch={"batch_size": 2, **section},
        passthrough_kwargs=passthrough,
    )  # fmt: skip
    engine = TransformersLoader(SystemClock()).load(config)
    records = engine.run(engine.prepare([[5, 6, 7], [8]])).records()
    return engine.info, tuple(request.output_ids for request in records.requests)


@pytest.mark.parametrize(
    ("on_disk", "expected"),
    [
        (("model.embed_tokens",), ("cpu", "disk")),
        (("model.layers",), ("cpu", "disk")),
        (PARTS, ("cpu", "disk")),
        ((), ("cpu",)),
    ],
    ids=["embedding on disk", "layers on disk", "all on disk", "nothing on disk"],
)
def test_a_model_with_parts_on_disk_generates_the_same_and_is_nowhere_on_meta(checkpoint, tmp_path, on_disk, expected):
    device_map = {part: "disk" if part in on_disk else "cpu" for part in PARTS}
    info, ids = generated(checkpoint, device_map=device_map, passthrough={"offload_folder": str(tmp_path)})
    assert ids == generated(checkpoint)[1]
    assert (info.device, info.devices) == ("cpu", expected)


def test_a_device_that_a_device_map_contradicts_is_refused(checkpoint):
    config = ExperimentConfig(model=str(checkpoint), pytorch={"device": "cuda", "device_map": {"": "cpu"}})
    with pytest.raises(BackendError, match=r"pytorch\.device is cuda, but pytorch\.device_map placed the model on cpu"):
        TransformersLoader(SystemClock(), FakeCuda()).load(config)


def test_a_model_that_a_device_map_put_on_the_cpu_stays_there(checkpoint):
    """On a machine with a GPU it must not be moved, and nothing may say that there is no GPU."""
    config = ExperimentConfig(model=str(checkpoint), pytorch={"device_map": {"": "cpu"}})
    info = TransformersLoader(SystemClock(), FakeCuda()).load(config).info
    assert (info.device, info.devices, info.notes) == ("cpu", ("cpu",), ())


def test_a_cache_that_is_offloaded_needs_a_gpu(checkpoint):
    with pytest.raises(
        BackendError, match=r"offloaded_static.*the model is on the CPU; set cache_implementation: static"
    ):
        generated(checkpoint, cache_implementation="offloaded_static", device="cpu")


def hooked(module, *devices):
    """A module as accelerate leaves it: with one hook, or with several in a row."""
    hooks = [SimpleNamespace(execution_device=device) for device in devices]
    module._hf_hook = hooks[0] if len(hooks) == 1 else SimpleNamespace(hooks=tuple(hooks))
    return module


class Model(torch.nn.Module):
    """An embedding that is offloaded, and a layer."""

    def __init__(self, *devices):
        super().__init__()
        self.embedding = torch.nn.Embedding(2, 2, device="meta")
        self.layer = torch.nn.Linear(2, 2)
        if devices:
            hooked(self.embedding, *devices)

    def get_input_embeddings(self):
        return self.embedding


@pytest.mark.parametrize(
    ("devices", "expected"),
    [((0,), "cuda:0"), (("cuda:1",), "cuda:1"), ((torch.device("cpu"),), "cpu"), ((None, 2), "cuda:2")],
)
def test_the_hook_of_the_first_module_decides_where_it_computes(devices, expected):
    model = Model(*devices)
    assert input_device(model) == torch.device(expected)
    assert devices_of(model) == tuple(sorted({expected, "cpu"}))


def test_without_a_hook_it_is_where_the_first_weights_are():
    assert input_device(Model()) == torch.device("cpu")
    assert devices_of(Model()) == ("cpu",)


def test_a_model_that_does_not_name_its_embedding_is_asked_as_a_whole():
    class Unnamed(Model):
        def get_input_embeddings(self):
            raise NotImplementedError

    assert input_device(hooked(Unnamed(), 1)) == torch.device("cuda:1")


def test_weights_in_host_memory_are_on_the_cpu_and_computed_on_the_gpu():
    model = Model(0)
    model.hf_device_map = {"embedding": "cpu", "layer": 0}
    assert devices_of(model) == ("cpu", "cuda:0")
    assert kind_of(devices_of(model)) == "cuda"
