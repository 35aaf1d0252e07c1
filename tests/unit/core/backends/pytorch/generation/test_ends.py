"""A row's output ends at its own end-of-sequence or stop string; what follows is padding."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from llenergymeasure.core.backends.pytorch.generation.ends import Ends  # noqa: E402
from llenergymeasure.core.backends.pytorch.tokens import TransformersTokenizer  # noqa: E402
from llenergymeasure.models.builtin import builtin_model_path  # noqa: E402

PROMPT, PAD = 9, 0
ROWS = torch.tensor([[PROMPT, 11, 12, 13], [PROMPT, 11, 7, PAD]])


@pytest.fixture(scope="module")
def tokenizer():
    return TransformersTokenizer(transformers.AutoTokenizer.from_pretrained(builtin_model_path("builtin/tiny-llama")))


@pytest.mark.parametrize(
    ("eos", "expected"),
    [
        (None, ((11, 12, 13), (11, 7, PAD))),
        (7, ((11, 12, 13), (11, 7))),
        ([7, 12], ((11, 12), (11, 7))),
        (PROMPT, ((11, 12, 13), (11, 7, PAD))),
    ],
)
def test_the_first_end_of_sequence_is_the_last_token_that_counts(tokenizer, eos, expected):
    settings = {} if eos is None else {"eos_token_id": eos}
    assert Ends.of(settings, tokenizer).output_ids(ROWS, 1) == expected


def test_padding_after_a_stop_string_does_not_count(tokenizer):
    """The first row says the word at its second token, the other one at its first, and is padded."""
    word, other = (tokenizer.encode([text])[0][-1] for text in ("house", "water"))
    text = tokenizer.wrapped.decode([word]).strip()
    rows = torch.tensor([[PROMPT, other, word, other], [PROMPT, word, PAD, PAD]])
    ends = Ends.of({"stop_strings": [text], "eos_token_id": 7}, tokenizer)
    assert ends.output_ids(rows, 1) == ((other, word), (word,))
