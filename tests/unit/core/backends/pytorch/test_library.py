"""The calls of transformers: unchanged, and retried after a temporary failure."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("torch")
pytest.importorskip("transformers")

from llenergymeasure.core.backends.pytorch.library import Transformers  # noqa: E402
from llenergymeasure.core.backends.pytorch.weights import LoadReport  # noqa: E402
from llenergymeasure.resilience import retry  # noqa: E402

INFO = {
    "missing_keys": {"head.weight"}, "unexpected_keys": {"x.weight"}, "mismatched_keys": {("norm.weight", (2, 3), (4, 3))},
}  # fmt: skip


class Model:
    """A model of two weights."""

    def state_dict(self):
        return {"head.weight": None, "norm.weight": None}


class Auto:
    """One of transformers' automatic classes, which fails several times first."""

    def __init__(self, *failures: Exception) -> None:
        self.failures, self.calls = list(failures), []

    def from_pretrained(self, source, **arguments):
        self.calls.append((source, arguments))
        if self.failures:
            raise self.failures.pop(0)
        return (Model(), INFO) if arguments.get("output_loading_info") else "loaded"


def library(auto: Auto) -> Transformers:
    return Transformers(
        SimpleNamespace(AutoConfig=auto, AutoTokenizer=auto, AutoModelForCausalLM=auto),
        lambda call: retry(call, sleep=lambda seconds: None),
    )


@pytest.mark.parametrize("call", ["config", "tokenizer", "model"])
def test_a_lost_connection_is_tried_again_with_the_same_arguments(call):
    auto = Auto(ConnectionError("reset by peer"), TimeoutError())
    getattr(library(auto), call)("org/m", revision="v1")
    assert [source for source, _ in auto.calls] == ["org/m"] * 3
    assert [arguments["revision"] for _, arguments in auto.calls] == ["v1"] * 3


@pytest.mark.parametrize("call", ["config", "tokenizer"])
def test_arguments_go_through_unchanged(call):
    auto = Auto()
    assert getattr(library(auto), call)("org/m", revision="v1") == "loaded"
    assert auto.calls == [("org/m", {"revision": "v1"})]


def test_the_report_of_transformers_on_the_weights_is_returned():
    _, report = library(Auto()).model("org/m")
    assert report == LoadReport(
        missing=("head.weight",),
        unexpected=("x.weight",),
        mismatched=("norm.weight (2 x 3 in the checkpoint, 4 x 3 in the model)",),
        n_weights=2,
    )


@pytest.mark.parametrize("error", [ValueError("no such setting"), OSError("no file named model.safetensors")])
def test_a_permanent_failure_is_tried_once(error):
    auto = Auto(error)
    with pytest.raises(type(error)):
        library(auto).model("org/m")
    assert len(auto.calls) == 1


@pytest.mark.parametrize(
    ("release", "asked"),
    [({"GgufConfig": lambda dequantize: {"dequantize": dequantize}}, {"dequantize": True}), ({}, None)],
    ids=["keeps packed weights", "always dequantises"],
)
def test_the_weights_of_a_gguf_file_are_dequantised_whatever_is_installed(release, asked):
    auto = Auto()
    Transformers(SimpleNamespace(AutoModelForCausalLM=auto, **release)).model("folder", gguf_file="m.gguf")
    ((_, arguments),) = auto.calls
    assert arguments.get("quantization_config") == asked
