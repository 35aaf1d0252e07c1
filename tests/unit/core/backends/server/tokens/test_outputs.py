"""The number of tokens of generated texts."""

from __future__ import annotations

import pytest

from llenergymeasure.core.backends.server.tokens.from_file import FileTokenizer
from llenergymeasure.core.backends.server.tokens.outputs import lengths_of_outputs

PIECES = ("\u2581", "\u2581a", "a", "\u2581Paris", "Paris", "\n", "s")


def with_a_space_in_front(texts):
    """The pieces of a text as of SentencePiece, for the words above."""
    pytest.importorskip("tokenizers")
    from tokenizers import Tokenizer, models, normalizers

    tokenizer = Tokenizer(models.Unigram([(piece, -float(index + 1)) for index, piece in enumerate(PIECES)], 0, False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    return tokenizer, [len(each.ids) for each in tokenizer.encode_batch(list(texts), add_special_tokens=False)]


@pytest.mark.parametrize(
    ("text", "alone", "as_output"),
    [
        (" Paris", 2, 1),  # a space of its own before the space of the word
        ("\nParis", 3, 2),
        (" Paris a Paris", 4, 3),
        ("Paris", 1, 1),
        ("s", 2, 2),  # within a word, it may be one more
        ("", 0, 0),
    ],
)
def test_the_space_that_a_tokenizer_puts_before_a_text_is_not_counted(text, alone, as_output):
    tokenizer, lengths = with_a_space_in_front([text])
    assert lengths == [alone]
    assert FileTokenizer(tokenizer).output_lengths([text]) == [as_output]


def test_a_tokenizer_without_such_a_space_counts_as_before():
    texts = [" b", "\n", "ab", ""]
    assert lengths_of_outputs(texts, lambda asked: [len(text) for text in asked]) == [2, 1, 2, 0]
