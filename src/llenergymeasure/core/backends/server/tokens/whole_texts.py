"""Prompts for a server whose tokenizer is not on this machine: they are sent as text, uncut."""

from __future__ import annotations

from collections.abc import Sequence

from llenergymeasure.exceptions import BackendError


class WholeTexts:
    """A tokenizer with one id per text. So no limit cuts a prompt, and nothing here counts its tokens."""

    counts = False
    bos_id: int | None = None
    special_ids: frozenset[int] = frozenset()

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._ids: dict[str, int] = {}

    @property
    def vocab_size(self) -> int:
        """Not known.

        Raises:
            BackendError: a synthetic dataset draws its prompts from the vocabulary.
        """
        raise BackendError(
            "a synthetic dataset draws token ids, but the tokenizer of the model is not on this machine; "
            "name it in server.tokenizer, or use a dataset of texts"
        )

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[self._id_of(text)] for text in texts]

    def output_lengths(self, texts: Sequence[str]) -> list[int]:
        """Not known.

        Raises:
            BackendError: always.
        """
        raise BackendError("the tokenizer of the model is not on this machine; name it in server.tokenizer")

    def encode_chat(self, texts: Sequence[str]) -> list[list[int]]:
        """Not possible: the chat template is the server's.

        Raises:
            BackendError: always.
        """
        raise refused_chat_template()

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self._texts[each] for each in ids)

    def _id_of(self, text: str) -> int:
        if text not in self._ids:
            self._ids[text] = len(self._texts)
            self._texts.append(text)
        return self._ids[text]


def refused_chat_template() -> BackendError:
    """The error of a chat template that is to be applied here."""
    return BackendError(
        "apply_chat_template is for engines in this process; set server.api: chat, so that the server applies it"
    )
