"""Finds the end of each row's output. After it, `generate` adds padding until the last row has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import StopStringCriteria

from llenergymeasure.core.backends.pytorch.generation.settings import as_ids
from llenergymeasure.core.backends.pytorch.tokens import TransformersTokenizer


@dataclass(frozen=True)
class Ends:
    """The conditions that end a row.

    Attributes:
        ids: end-of-sequence ids.
        text: transformers' own criterion for stop strings; None without them.
    """

    ids: frozenset[int] = frozenset()
    text: StopStringCriteria | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any], tokenizer: TransformersTokenizer) -> Ends:
        """The conditions in the effective settings."""
        strings = settings.get("stop_strings")
        text = None if strings is None else StopStringCriteria(tokenizer=tokenizer.wrapped, stop_strings=strings)
        return cls(frozenset(as_ids(settings.get("eos_token_id"))), text)

    def output_ids(self, sequences: torch.Tensor, start: int) -> tuple[tuple[int, ...], ...]:
        """Each row's output up to and including its end. Call it after the window.

        Args:
            sequences: [rows, start + steps], prompts included.
            start: length of the prompts, padding included.
        """
        rows = sequences[:, start:].tolist()
        limits = [len(row) for row in rows] if self.text is None else text_ends(sequences, start, self.text)
        return tuple(until_end(row[:limit], self.ids) for row, limit in zip(rows, limits))


def text_ends(sequences: torch.Tensor, start: int, criterion: StopStringCriteria) -> list[int]:
    """Number of tokens per row up to a stop string; all tokens of a row without one."""
    steps = sequences.shape[1] - start
    ends = [steps] * len(sequences)
    for count in range(steps, 0, -1):
        for row, ended in enumerate(criterion(sequences[:, : start + count], None).tolist()):
            ends[row] = count if ended else ends[row]
    return ends


def until_end(row: Sequence[int], end_ids: frozenset[int]) -> tuple[int, ...]:
    """A row's generated ids up to and including the first end-of-sequence."""
    for place, token in enumerate(row):
        if token in end_ids:
            return tuple(row[: place + 1])
    return tuple(row)
