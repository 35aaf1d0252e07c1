"""The tokenizer of transformers, as the measurement needs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llenergymeasure.exceptions import BackendError


class TransformersTokenizer:
    """A tokenizer that pads on the left, always has a padding id, and checks that the model embeds its ids.

    Args:
        tokenizer: the tokenizer of transformers.
        n_embedded: number of ids that the model embeds; None when not known yet.
    """

    def __init__(self, tokenizer: Any, n_embedded: int | None = None) -> None:
        self._tokenizer = tokenizer
        self._n_embedded = n_embedded
        if self.pad_id is None:
            raise BackendError("the tokenizer has neither a padding nor an end-of-sequence token; add one of them")

    def of(self, model: Any) -> TransformersTokenizer:
        """The same tokenizer for a loaded model."""
        embedding = model.get_input_embeddings() if hasattr(model, "get_input_embeddings") else None
        weight = getattr(embedding, "weight", None)
        return TransformersTokenizer(
            self._tokenizer, None if weight is None else getattr(embedding, "num_embeddings", None)
        )

    @property
    def vocab_size(self) -> int:
        size = len(self._tokenizer)
        return size if self._n_embedded is None else min(size, self._n_embedded)

    @property
    def special_ids(self) -> frozenset[int]:
        return frozenset(self._tokenizer.all_special_ids)

    @property
    def pad_id(self) -> int | None:
        """The padding id; if it is missing, or the model does not embed it, the end-of-sequence id, or else 0."""
        stated = [self._tokenizer.pad_token_id, self._tokenizer.eos_token_id]
        known = [token for token in stated if token is not None]
        return next(filter(self._is_embedded, known), 0) if known else None

    def _is_embedded(self, token: int) -> bool:
        return self._n_embedded is None or 0 <= token < self._n_embedded

    @property
    def end_id(self) -> int | None:
        """The end-of-sequence id; None without one."""
        end: int | None = self._tokenizer.eos_token_id
        return end

    @property
    def wrapped(self) -> Any:
        """The tokenizer of transformers, for `generate`."""
        return self._tokenizer

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return self._checked(self._tokenizer(list(texts))["input_ids"])

    def _checked(self, ids: list[list[int]]) -> list[list[int]]:
        """The ids, after checking that the model embeds them.

        Raises:
            BackendError: the model does not embed an id.
        """
        highest = max((max(each, default=0) for each in ids), default=0)
        if not self._is_embedded(highest):
            raise BackendError(
                f"the tokenizer gives the id {highest}, but the model has {self._n_embedded} token ids: "
                "the tokenizer belongs to another model; name a model with its own tokenizer, or use a synthetic dataset"
            )
        return ids

    @property
    def bos_id(self) -> int | None:
        bos: int | None = self._tokenizer.bos_token_id
        return bos

    def encode_chat(self, texts: Sequence[str]) -> list[list[int]]:
        if getattr(self._tokenizer, "chat_template", None) is None:
            raise BackendError(
                "apply_chat_template is true, but the tokenizer has no chat template; set it to false, or use an instruct model"
            )
        messages = [[{"role": "user", "content": text}] for text in texts]
        ids: list[list[int]] = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=True
        )["input_ids"]
        return self._checked(ids)
