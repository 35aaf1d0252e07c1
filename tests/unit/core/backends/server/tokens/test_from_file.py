"""The tokenizer in a tokenizer.json."""

from __future__ import annotations

import json
import shutil

import pytest

from llenergymeasure.core.backends.server.tokens.from_file import tokenizer_in
from llenergymeasure.exceptions import BackendError
from llenergymeasure.models.builtin import BUILTIN_MODELS

pytest.importorskip("tokenizers")
TINY = BUILTIN_MODELS["builtin/tiny-llama"]


def test_texts_come_back():
    tokenizer = tokenizer_in(TINY, None)
    texts = ["The cat sat on the mat.", "Why?"]
    assert [tokenizer.decode(ids).strip() for ids in tokenizer.encode(texts)] == texts
    assert tokenizer.counts


@pytest.mark.torch
def test_ids_are_those_of_transformers():
    from transformers import AutoTokenizer

    own, theirs = tokenizer_in(TINY, None), AutoTokenizer.from_pretrained(TINY)
    texts = ["The cat sat on the mat.", "Why?"]
    assert own.encode(texts) == theirs(texts)["input_ids"]
    assert own.special_ids == frozenset(theirs.all_special_ids)
    assert (own.bos_id, own.vocab_size) == (theirs.bos_token_id, len(theirs))


def test_a_prompt_begins_with_the_beginning_of_sequence_and_an_output_does_not():
    tokenizer = tokenizer_in(TINY, None)
    texts = ["The cat sat on the mat.", "Why?"]
    prompts = tokenizer.encode(texts)
    assert [ids[0] for ids in prompts] == [0, 0]
    assert tokenizer.output_lengths(texts) == [len(ids) - 1 for ids in prompts]


def test_the_vocabulary_is_not_larger_than_the_embedding():
    assert tokenizer_in(TINY, 100).vocab_size == 100


def test_a_directory_without_the_file_has_none(tmp_path):
    assert tokenizer_in(tmp_path, None) is None


def test_a_damaged_file_is_an_error(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(BackendError, match=r"tokenizer\.json cannot be read as a tokenizer"):
        tokenizer_in(tmp_path, None)


@pytest.mark.parametrize("bos", ["<s>", {"content": "<s>", "lstrip": False}])
def test_the_beginning_of_sequence_is_that_of_the_configuration(tmp_path, bos):
    shutil.copy(TINY / "tokenizer.json", tmp_path)
    vocabulary = json.loads((TINY / "tokenizer.json").read_text())
    token = vocabulary["added_tokens"][0]
    stated = token["content"] if isinstance(bos, str) else {**bos, "content": token["content"]}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"bos_token": stated}))
    assert tokenizer_in(tmp_path, None).bos_id == token["id"]


def test_the_chat_template_is_the_servers():
    with pytest.raises(BackendError, match=r"server\.api: chat"):
        tokenizer_in(TINY, None).encode_chat(["a"])
