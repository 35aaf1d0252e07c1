from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llenergymeasure.core.backends.server.client.asked import Answer
from llenergymeasure.core.backends.server.client.counting import Arrivals, as_reported, by_weight, counted, evenly


def words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def answer(**fields: object) -> Answer:
    arrived = {"event_times_s": (1.0, 2.0), "event_tokens": (1, 2), "texts": ("a b c", " d")}
    return Answer(prompt_index=0, due_s=0.0, sent_s=0.0, finished_s=2.0, **{**arrived, **fields})  # type: ignore[arg-type]


def test_one_token_with_each_event() -> None:
    assert evenly([1.0, 2.0], ["a", "b"], 2) == Arrivals((1.0, 2.0), (1, 2), ("a", "b"))


def test_the_end_of_sequence_without_text_comes_last() -> None:
    assert evenly([1.0, 2.0, 3.0], ["a", "b", "c"], 4).event_tokens == (1, 2, 4)


def test_several_tokens_with_each_event() -> None:
    assert evenly([1.0, 2.0], ["ab", "cd"], 8).event_tokens == (4, 8)


def test_an_event_without_a_further_token_joins_the_one_before() -> None:
    assert evenly([1.0, 2.0, 3.0], ["a", "b", "c"], 2) == Arrivals((1.0, 3.0), (1, 2), ("ab", "c"))


def test_the_servers_own_counts_are_kept() -> None:
    assert as_reported([1.0, 2.0], ["a", "b"], [1, 5], 5).event_tokens == (1, 5)
    assert as_reported([1.0, 2.0], ["a", "b"], [1, 4], 5).event_tokens == (1, 5)


def test_a_tokenizer_shares_a_total_out_by_the_texts() -> None:
    assert by_weight([1.0, 2.0], ["a b c", "d"], [3, 1], 8).event_tokens == (6, 8)


def test_texts_without_tokens_share_evenly() -> None:
    assert by_weight([1.0, 2.0], ["", ""], [0, 0], 4).event_tokens == (2, 4)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=20), st.integers(1, 60))
def test_counts_increase_to_the_total(weights: list[int], total: int) -> None:
    times = [float(index) for index in range(len(weights))]
    texts = [str(index % 10) for index in range(len(weights))]
    for shared in (evenly(times, texts, total), by_weight(times, texts, weights, total)):
        assert shared.event_tokens[-1] == total
        assert list(shared.event_tokens) == sorted(set(shared.event_tokens))
        assert shared.event_times_s[0] == 0.0
        assert "".join(shared.texts) == "".join(texts)
        assert len(shared.texts) == len(shared.event_times_s) == len(shared.event_tokens)


def test_without_usage_the_tokenizer_counts() -> None:
    result = counted(answer(input_tokens=5), words)
    assert result.output_tokens == 4
    assert result.counted_by == "tokenizer"
    assert result.input_tokens == 5
    assert result.event_tokens == (3, 4)


def test_the_total_of_the_server_stays() -> None:
    result = counted(answer(output_tokens=8, counted_by="server", input_tokens=5), words)
    assert (result.output_tokens, result.counted_by, result.input_tokens) == (8, "server", 5)
    assert result.event_tokens == (6, 8)


@pytest.mark.parametrize("fields", [{"counts_are_reported": True}, {"output_tokens": 2}, {"event_times_s": ()}])
def test_what_is_exact_or_empty_is_left_alone(fields: dict[str, object]) -> None:
    before = answer(**fields)
    assert counted(before, words) is before
