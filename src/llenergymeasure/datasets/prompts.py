"""The prompts of an experiment: their source, and their token ids for a tokenizer."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Protocol

from llenergymeasure.domain.dataset import DatasetInfo

if TYPE_CHECKING:
    from llenergymeasure.protocols import Tokenizer


class PromptSet(Protocol):
    """The prompts of one experiment, in the order in which they are run."""

    @property
    def info(self) -> DatasetInfo:
        """Name, version and hash of the source."""

    def __len__(self) -> int: ...

    def token_ids(self, tokenizer: Tokenizer) -> list[list[int]]:
        """The prompts as token ids.

        Args:
            tokenizer: the tokenizer of the measured model.

        Returns:
            One list of ids per prompt.
        """

    def closing_length(self, tokenizer: Tokenizer) -> int:
        """Number of ids at the end of every prompt that are kept when it is cut; 0 for plain text."""


@dataclass(frozen=True)
class TextPrompts:
    """Prompts as plain text."""

    info: DatasetInfo
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def token_ids(self, tokenizer: Tokenizer) -> list[list[int]]:
        return tokenizer.encode(self.texts)

    def closing_length(self, tokenizer: Tokenizer) -> int:
        return 0


@dataclass(frozen=True)
class ChatPrompts:
    """Prompts as text, each as one user message in the model's chat template."""

    info: DatasetInfo
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def token_ids(self, tokenizer: Tokenizer) -> list[list[int]]:
        return tokenizer.encode_chat(self.texts)

    def closing_length(self, tokenizer: Tokenizer) -> int:
        """Length of the template's end, after the message: the common last ids of two different prompts."""
        one, other = tokenizer.encode_chat(("a", "b"))
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(reversed(one), reversed(other))))


@dataclass(frozen=True)
class TokenisedPrompts:
    """Tokenised prompts, cut to the limit.

    Attributes:
        ids: ids per prompt, cut to the limit.
        truncated: number of prompts that were cut.
        double_bos: number of prompts that begin with the beginning-of-sequence token twice.
    """

    ids: list[list[int]]
    truncated: int
    double_bos: int


def tokenised(prompts: PromptSet, tokenizer: Tokenizer, limit: int | None, rank: int, size: int) -> TokenisedPrompts:
    """The share of prompts of one rank, tokenised and cut.

    Args:
        prompts: all prompts of the experiment.
        tokenizer: the tokenizer of the measured model.
        limit: most ids per prompt; None = no limit.
        rank: rank of this process, from 0.
        size: number of processes that share the prompts.
    """
    whole = prompts.token_ids(tokenizer)[rank::size]
    kept = prompts.closing_length(tokenizer) if limit is not None else 0
    ids = [_cut(each, limit, kept) for each in whole]
    return TokenisedPrompts(
        ids=ids,
        truncated=sum(len(short) < len(each) for short, each in zip(ids, whole)),
        double_bos=sum(tokenizer.bos_id is not None and each[:2] == [tokenizer.bos_id] * 2 for each in ids),
    )


def _cut(ids: list[int], limit: int | None, kept: int) -> list[int]:
    """At most `limit` ids. The last `kept` ids are preserved, unless the limit is smaller."""
    if limit is None or len(ids) <= limit:
        return ids
    closing = min(kept, limit)
    return ids[: limit - closing] + ids[len(ids) - closing :]
