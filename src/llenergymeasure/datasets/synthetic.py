"""Prompts of random tokens, with exactly the requested length for any tokenizer.

The ids are drawn uniformly from the vocabulary without its special tokens, because constant or repeated data would draw
less power than real text. They are not converted to text, because encoding it again would change the length.
"""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llenergymeasure.config.sections import SyntheticDatasetConfig
from llenergymeasure.domain.dataset import DatasetInfo
from llenergymeasure.exceptions import ConfigError

if TYPE_CHECKING:
    from llenergymeasure.protocols import Tokenizer


@dataclass(frozen=True)
class SyntheticPrompts:
    """The first `info.n_used` prompts of a synthetic set.

    Attributes:
        input_len: length of each prompt in tokens.
        seed: the same seed, vocabulary and length give the same prompts on every machine and Python.
    """

    info: DatasetInfo
    input_len: int
    seed: int

    def __len__(self) -> int:
        return self.info.n_used

    def token_ids(self, tokenizer: Tokenizer) -> list[list[int]]:
        pool = [token for token in range(tokenizer.vocab_size) if token not in tokenizer.special_ids]
        if not pool:
            raise ConfigError(
                f"the tokenizer has {tokenizer.vocab_size} tokens, all of them special, and none to draw prompts from",
                "use a dataset with text",
            )
        return self._draw(pool)

    def closing_length(self, tokenizer: Tokenizer) -> int:
        return 0

    def _draw(self, pool: list[int]) -> list[list[int]]:
        """Draw different prompts if the pool allows it, because a cache would make a repeated prompt cheaper."""
        # Python guarantees a stable sequence for random() only.
        uniform = random.Random(self.seed).random  # noqa: S311 - nothing secret is drawn
        all_different = self.info.n_available <= len(pool) ** self.input_len
        drawn: set[tuple[int, ...]] = set()
        prompts: list[list[int]] = []
        while len(prompts) < len(self):
            prompt = [pool[int(uniform() * len(pool))] for _ in range(self.input_len)]
            if not (all_different and tuple(prompt) in drawn):
                drawn.add(tuple(prompt))
                prompts.append(prompt)
        return prompts


def open_synthetic(dataset: SyntheticDatasetConfig, n: int, random_seed: int) -> SyntheticPrompts:
    """The first n prompts of a synthetic set.

    Args:
        dataset: its parameters; without its own seed random_seed is used.
        n: number of prompts, at least 1.
        random_seed: seed of the experiment.

    Raises:
        ConfigError: the set has fewer than n prompts.
    """
    if n > dataset.n:
        raise ConfigError(f"the synthetic dataset has {dataset.n} prompts, but n is {n}", "lower n or raise dataset.n")
    seed = random_seed if dataset.seed is None else dataset.seed
    parameters = {"input_len": dataset.input_len, "n": dataset.n, "output_len": dataset.output_len, "seed": seed}
    canonical = json.dumps(parameters, sort_keys=True, separators=(",", ":"))
    info = DatasetInfo(
        name="synthetic",
        source="synthetic",
        sha256=hashlib.sha256(canonical.encode()).hexdigest(),
        n_available=dataset.n,
        n_used=n,
    )
    return SyntheticPrompts(info=info, input_len=dataset.input_len, seed=seed)
