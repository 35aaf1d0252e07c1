"""transformers' tokenizer, as far as measuring needs one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llenergymeasure.exceptions import BackendError


class TransformersTokenizer:
    """A tokenizer that pads on the left and always has a padding id."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        if self.pad_id is None:
            raise BackendError("the tokenizer has neither a padding nor an end-of-sequence token; give it one of them")

    @property
    def vocab_size(self) -> int:
        return len(self._tokenizer)

    @property
    def special_ids(self) -> frozenset[int]:
        return frozenset(self._tokenizer.all_special_ids)

    @property
    def pad_id(self) -> int | None:
        """The padding id; the end-of-sequence id where there is none."""
        pad: int | None = self._tokenizer.pad_token_id
        eos: int | None = self._tokenizer.eos_token_id
        return pad if pad is not None else eos

    @property
    def end_id(self) -> int | None:
        """The end-of-sequence id; None without one."""
        end: int | None = self._tokenizer.eos_token_id
        return end

    @property
    def wrapped(self) -> Any:
        """transformers' own, for what `generate` does with text."""
        return self._tokenizer

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        ids: list[list[int]] = self._tokenizer(list(texts))["input_ids"]
        return ids

    @property
    def bos_id(self) -> int | None:
        bos: int | None = self._tokenizer.bos_token_id
        return bos

    def encode_chat(self, texts: Sequence[str]) -> list[list[int]]:
        if getattr(self._tokenizer, "chat_template", None) is None:
            raise BackendError(
                "apply_chat_template is true, but the tokenizer has no chat template; set it to false, or take an instruct model"
            )
        messages = [[{"role": "user", "content": text}] for text in texts]
        ids: list[list[int]] = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=True
        )["input_ids"]
        return ids
