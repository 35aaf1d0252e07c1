"""Prompts for a server whose tokenizer is not on this machine."""

from __future__ import annotations

import pytest

from llenergymeasure.core.backends.server.tokens.whole_texts import WholeTexts
from llenergymeasure.datasets.prompts import TextPrompts, tokenised
from llenergymeasure.domain.dataset import DatasetInfo
from llenergymeasure.exceptions import BackendError

TEXTS = ("one", "a longer text of more than two tokens", "one")


def test_each_text_comes_back_whole():
    tokenizer = WholeTexts()
    assert [tokenizer.decode(ids) for ids in tokenizer.encode(TEXTS)] == list(TEXTS)


def test_no_limit_cuts_a_prompt():
    tokenizer = WholeTexts()
    prompts = TextPrompts(DatasetInfo.model_construct(), TEXTS)
    found = tokenised(prompts, tokenizer, limit=1, rank=0, size=1)
    assert [tokenizer.decode(ids) for ids in found.ids] == list(TEXTS)
    assert (found.truncated, found.double_bos) == (0, 0)


def test_its_ids_are_not_tokens():
    assert WholeTexts().counts is False
    with pytest.raises(BackendError, match=r"name it in server\.tokenizer"):
        WholeTexts().output_lengths(TEXTS)


def test_a_synthetic_dataset_needs_a_tokenizer():
    with pytest.raises(BackendError, match=r"name it in server\.tokenizer"):
        _ = WholeTexts().vocab_size


def test_a_chat_template_needs_a_tokenizer():
    with pytest.raises(BackendError, match=r"server\.api: chat"):
        WholeTexts().encode_chat(TEXTS)
