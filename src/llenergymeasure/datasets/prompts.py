"""What every dataset is to the rest of the program: some prompts that become token ids, and where they came from."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class TextPrompts:
    """Prompts that are written down."""

    info: DatasetInfo
    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def token_ids(self, tokenizer: Tokenizer) -> list[list[int]]:
        return tokenizer.encode(self.texts)
