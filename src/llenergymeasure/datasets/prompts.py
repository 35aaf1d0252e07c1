"""What every dataset is to the rest of the program: some prompts that become token ids, and where they came from."""

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
        """The prompts as the model reads them.

        Args:
            tokenizer: of the model that is measured.

        Returns:
            One list of ids per prompt.
        """

    def closing_length(self, tokenizer: Tokenizer) -> int:
        """How many ids at the end of every prompt stay when it is cut; 0 for plain text."""


@dataclass(frozen=True)
class TextPrompts:
    """Prompts that are written down."""

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
    """Prompts that are written down, each as one message of a user in the model's chat template."""

    info: DatasetInfo
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def token_ids(self, tokenizer: Tokenizer) -> list[list[int]]:
        return tokenizer.encode_chat(self.texts)

    def closing_length(self, tokenizer: Tokenizer) -> int:
        """The ids with which the template ends the message and begins the answer: those that any two prompts share."""
        one, other = tokenizer.encode_chat(("a", "b"))
        return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(reversed(one), reversed(other))))


@dataclass(frozen=True)
class TokenisedPrompts:
    """Prompts as the model gets them.

    Attributes:
        ids: per prompt, cut to the limit.
        truncated: prompts that were cut.
        double_bos: prompts that begin with the beginning-of-sequence token twice.
    """

    ids: list[list[int]]
    truncated: int
    double_bos: int


def tokenised(prompts: PromptSet, tokenizer: Tokenizer, limit: int | None, rank: int, size: int) -> TokenisedPrompts:
    """The share of prompts of one rank, tokenised and cut.

    Args:
        prompts: all prompts of the experiment.
        tokenizer: of the model that is measured.
        limit: most ids per prompt; None = no limit.
        rank: of this process, from 0.
        size: how many processes share the prompts.
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
    """At most `limit` ids; the last `kept` of them stay, unless the limit is shorter than those."""
    if limit is None or len(ids) <= limit:
        return ids
    closing = min(kept, limit)
    return ids[: limit - closing] + ids[len(ids) - closing :]
