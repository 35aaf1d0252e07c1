"""Synthetic prompts have exactly the length asked for and come out the same everywhere."""

from __future__ import annotations

import dataclasses

import pytest

from llenergymeasure.config.models import SyntheticDatasetConfig
from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.exceptions import ConfigError


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """A tokenizer of which only the vocabulary matters."""

    vocab_size: int = 100
    special_ids: frozenset[int] = frozenset({0, 1, 50})

    def encode(self, texts):
        raise AssertionError("synthetic prompts are never made from text")


def draw(n=4, of=None, seed=None, random_seed=42, input_len=8, tokenizer=None):
    dataset = SyntheticDatasetConfig(n=of or n, input_len=input_len, seed=seed)
    return open_dataset(dataset, n, random_seed).token_ids(tokenizer or Vocabulary())


def test_every_prompt_has_exactly_the_requested_length():
    assert [len(ids) for ids in draw(n=50, input_len=33)] == [33] * 50


def test_special_tokens_are_never_drawn_and_all_others_are():
    drawn = {token for ids in draw(n=100, input_len=100) for token in ids}
    assert drawn == set(range(100)) - {0, 1, 50}


def test_the_draws_are_these_on_every_python():
    assert draw(n=2, input_len=6, seed=7) == [[33, 16, 66, 9, 54, 37], [7, 52, 5, 44, 8, 10]]


def test_a_seed_of_the_dataset_wins_over_the_seed_of_the_experiment():
    assert draw(seed=7, random_seed=1) == draw(seed=7, random_seed=2)
    assert draw(seed=0, random_seed=1) == draw(seed=0, random_seed=2)


def test_without_its_own_seed_the_experiment_decides():
    assert draw(random_seed=1) == draw(seed=1)
    assert draw(random_seed=1) != draw(random_seed=2)


def test_fewer_prompts_are_the_first_of_many():
    assert draw(n=3, of=90) == draw(n=90)[:3]


@pytest.mark.parametrize(("n", "input_len"), [(97, 1), (500, 2), (50, 64)])
def test_no_prompt_comes_twice_while_the_vocabulary_suffices(n, input_len):
    assert len({tuple(ids) for ids in draw(n=n, input_len=input_len)}) == n


def test_more_prompts_than_there_can_be_do_not_hang():
    assert len(draw(n=98, input_len=1)) == 98


def test_tokens_are_drawn_evenly():
    drawn = [token for ids in draw(n=100, input_len=970) for token in ids]
    counts = [drawn.count(token) for token in range(100) if token not in {0, 1, 50}]
    assert sum(counts) == 97_000
    assert 850 < min(counts) <= max(counts) < 1150  # 1000 expected, standard deviation 31.5


def test_a_vocabulary_of_special_tokens_alone_is_refused():
    with pytest.raises(ConfigError, match=r"has 2 tokens, all of them special.*; use a dataset with text"):
        draw(tokenizer=Vocabulary(2, frozenset({0, 1})))


def test_the_hash_is_that_of_the_parameters_with_the_seed_in_use():
    def sha256(**parameters):
        return open_dataset(SyntheticDatasetConfig(n=9, **parameters), 2, random_seed=42).info.sha256

    assert sha256(seed=42) == sha256()
    assert len({sha256(), sha256(seed=1), sha256(input_len=5), sha256(output_len=5)}) == 4


def test_the_set_is_described():
    info = open_dataset(SyntheticDatasetConfig(n=9), 2, random_seed=42).info
    assert (info.name, info.source, info.n_available, info.n_used) == ("synthetic", "synthetic", 9, 2)


def test_the_prompts_are_frozen():
    prompts = open_dataset(SyntheticDatasetConfig(n=9), 2, random_seed=42)
    assert len(prompts) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        prompts.seed = 1
