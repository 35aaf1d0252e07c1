"""Which tokenizer is taken: the one that is named, that of the model, the server's own, or none."""

from __future__ import annotations

import shutil

import pytest

from canned_server import canned_server
from llenergymeasure import ExperimentConfig
from llenergymeasure.core.backends.server.questions import Questions
from llenergymeasure.core.backends.server.tokens.choose import tokenizer_for
from llenergymeasure.core.backends.server.tokens.from_file import FileTokenizer
from llenergymeasure.core.backends.server.tokens.of_server import TokenizerOfServer
from llenergymeasure.core.backends.server.tokens.whole_texts import WholeTexts
from llenergymeasure.models.builtin import BUILTIN_MODELS

pytest.importorskip("tokenizers")
ITS_OWN = {"/tokenize": (200, {"tokens": [1, 2]})}
TINY = "builtin/tiny-llama"


def chosen(model, engine, answers, tokenizer=None, architecture=None, vocab_size=300):
    config = ExperimentConfig(
        model=model, backend="server", server={"url": "http://127.0.0.1:9/v1", "tokenizer": tokenizer}
    )
    with canned_server(answers) as server:
        return tokenizer_for(
            config, engine, Questions(server.url, {}), "m", vocab_size, architecture or {}, {"HOME": "/nowhere"}
        )


def test_that_of_the_model_is_taken_from_this_machine():
    assert isinstance(chosen(TINY, "llama.cpp", ITS_OWN), FileTokenizer)


def test_the_one_that_is_named_comes_first(tmp_path):
    shutil.copy(BUILTIN_MODELS[TINY] / "tokenizer.json", tmp_path)
    assert isinstance(chosen("org/unknown", "llama.cpp", ITS_OWN, str(tmp_path)), FileTokenizer)


def test_without_both_the_server_gives_its_own():
    found = chosen("org/unknown", "llama.cpp", ITS_OWN)
    assert isinstance(found, TokenizerOfServer)
    assert found.vocab_size == 300


def test_a_gguf_file_has_that_of_the_server(tmp_path):
    assert isinstance(chosen(str(tmp_path / "model.gguf"), "llama.cpp", ITS_OWN), TokenizerOfServer)


def test_without_any_texts_are_sent_whole():
    assert isinstance(chosen("org/unknown", "unknown", ITS_OWN), WholeTexts)


def test_its_size_is_that_of_the_models_configuration():
    assert chosen(TINY, "vllm", {}, architecture={"vocab_size": 50}).vocab_size == 50
