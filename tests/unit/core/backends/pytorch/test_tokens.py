"""A tokenizer whose ids the model embeds."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from llenergymeasure.core.backends.pytorch.tokens import TransformersTokenizer
from llenergymeasure.exceptions import BackendError


class Tokenizer:
    """transformers' tokenizer, as far as it is asked: 10 ids, and each text is a list of numbers."""

    bos_token_id = None
    all_special_ids = (0,)
    chat_template = "{}"

    def __init__(self, pad=None, eos=1):
        self.pad_token_id, self.eos_token_id = pad, eos

    def __len__(self):
        return 10

    def __call__(self, texts):
        return {"input_ids": [[int(part) for part in text.split()] for text in texts]}

    def apply_chat_template(self, messages, **arguments):
        return self([message[0]["content"] for message in messages])


def model(rows):
    embedding = SimpleNamespace(weight=object(), num_embeddings=rows)
    return SimpleNamespace(get_input_embeddings=lambda: embedding)


@pytest.mark.parametrize(
    ("pad", "eos", "rows", "padding"),
    [
        (2, 1, 10, 2),
        (None, 1, 10, 1),
        (10, 1, 10, 1),  # added to the tokenizer, and not to the embedding
        (10, 11, 10, 0),
        (10, None, 10, 0),
        (-1, 1, 10, 1),
        (2, 1, 2, 1),
    ],
)
def test_padding_is_an_id_that_the_model_embeds(pad, eos, rows, padding):
    assert TransformersTokenizer(Tokenizer(pad, eos)).of(model(rows)).pad_id == padding


def test_without_padding_and_end_there_is_nothing_to_pad_with():
    with pytest.raises(BackendError, match="neither a padding nor an end-of-sequence token"):
        TransformersTokenizer(Tokenizer(None, None))


@pytest.mark.parametrize(("rows", "size"), [(8, 8), (10, 10), (16, 10)])
def test_synthetic_prompts_are_drawn_from_ids_that_both_know(rows, size):
    assert TransformersTokenizer(Tokenizer()).of(model(rows)).vocab_size == size


@pytest.mark.parametrize("encode", ["encode", "encode_chat"])
def test_an_id_outside_of_the_embedding_is_refused_before_it_is_looked_up(encode):
    tokenizer = TransformersTokenizer(Tokenizer()).of(model(8))
    assert getattr(tokenizer, encode)(["1 7", ""]) == [[1, 7], []]
    with pytest.raises(BackendError, match="gives the id 9, but the model has 8 token ids"):
        getattr(tokenizer, encode)(["1", "9 2"])


@pytest.mark.parametrize(
    "other", [SimpleNamespace(), SimpleNamespace(get_input_embeddings=lambda: None)], ids=["no method", "no embedding"]
)
def test_a_model_without_a_known_embedding_limits_nothing(other):
    tokenizer = TransformersTokenizer(Tokenizer(pad=12)).of(other)
    assert (tokenizer.pad_id, tokenizer.vocab_size, tokenizer.encode(["99"])) == (12, 10, [[99]])
