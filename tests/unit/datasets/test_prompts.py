"""Prompts on their way into the model: cut to the limit, in a chat template where that is asked for."""

from __future__ import annotations

import pytest

from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.datasets.prompts import ChatPrompts, TextPrompts, tokenised
from llenergymeasure.domain.dataset import DatasetInfo
from llenergymeasure.testing import FakeTokenizer

INFO = DatasetInfo(name="two", source="jsonl", n_available=2, n_used=2)
TEXTS = ("one three", "seventh word here now")


def text_prompts(*texts: str) -> TextPrompts:
    return TextPrompts(INFO, texts or TEXTS)


def chat_prompts(*texts: str) -> ChatPrompts:
    return ChatPrompts(INFO, texts or TEXTS)


def test_plain_text_is_cut_at_its_end():
    found = tokenised(text_prompts(), FakeTokenizer(), limit=3, rank=0, size=1)
    assert found.ids == [[13, 15], [17, 14, 14]]
    assert found.truncated == 1


def test_without_a_limit_nothing_is_cut():
    found = tokenised(text_prompts(), FakeTokenizer(), limit=None, rank=0, size=1)
    assert [len(ids) for ids in found.ids] == [2, 4]
    assert found.truncated == 0


def test_each_rank_gets_its_share():
    assert tokenised(text_prompts(), FakeTokenizer(), None, rank=1, size=2).ids == [[17, 14, 14, 13]]


def test_the_template_encloses_every_prompt():
    found = tokenised(chat_prompts(), FakeTokenizer(), limit=None, rank=0, size=1)
    assert found.ids == [[1, 5, 13, 15, 6, 7], [1, 5, 17, 14, 14, 13, 6, 7]]


def test_a_prompt_in_a_template_is_cut_before_the_start_of_the_answer():
    found = tokenised(chat_prompts(), FakeTokenizer(), limit=6, rank=0, size=1)
    assert found.ids == [[1, 5, 13, 15, 6, 7], [1, 5, 17, 14, 6, 7]]
    assert found.truncated == 1


def test_the_end_of_a_template_is_what_any_two_prompts_share():
    assert chat_prompts().closing_length(FakeTokenizer()) == 2
    assert text_prompts().closing_length(FakeTokenizer()) == 0


class TokenizerThatAddsBos(FakeTokenizer):
    """As most tokenizers do; "<s>" in a text is the same token."""

    def encode(self, texts):
        return [[1, *(1 if word == "<s>" else 10 for word in text.split())] for text in texts]


@pytest.mark.parametrize(("texts", "count"), [(("<s> a", "b"), 1), (("a", "b <s> <s>"), 0)])
def test_prompts_that_bring_their_own_beginning_are_counted(texts, count):
    assert tokenised(text_prompts(*texts), TokenizerThatAddsBos(), None, 0, 1).double_bos == count


def test_the_loader_gives_chat_prompts_of_the_same_texts():
    plain, chat = (open_dataset("aienergyscore", 3, 42, chat) for chat in (False, True))
    assert isinstance(chat, ChatPrompts)
    assert (chat.texts, chat.info) == (plain.texts, plain.info)
