"""The calls into transformers: unchanged, and made again when what went wrong may pass."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("torch")
pytest.importorskip("transformers")

from llenergymeasure.core.backends.pytorch.library import Transformers  # noqa: E402
from llenergymeasure.resilience import retry  # noqa: E402


class Auto:
    """One of transformers' automatic classes, which fails so many times first."""

    def __init__(self, *failures: Exception) -> None:
        self.failures, self.calls = list(failures), []

    def from_pretrained(self, source, **arguments):
        self.calls.append((source, arguments))
        if self.failures:
            raise self.failures.pop(0)
        return "loaded"


def library(auto: Auto) -> Transformers:
    return Transformers(
        SimpleNamespace(AutoConfig=auto, AutoTokenizer=auto, AutoModelForCausalLM=auto),
        lambda call: retry(call, sleep=lambda seconds: None),
    )


@pytest.mark.parametrize("call", ["config", "tokenizer", "model"])
def test_a_lost_connection_is_tried_again_with_the_same_arguments(call):
    auto = Auto(ConnectionError("reset by peer"), TimeoutError())
    assert getattr(library(auto), call)("org/m", revision="v1") == "loaded"
    assert auto.calls == [("org/m", {"revision": "v1"})] * 3


@pytest.mark.parametrize("error", [ValueError("no such setting"), OSError("no file named model.safetensors")])
def test_what_stays_wrong_is_tried_once(error):
    auto = Auto(error)
    with pytest.raises(type(error)):
        library(auto).model("org/m")
    assert len(auto.calls) == 1
