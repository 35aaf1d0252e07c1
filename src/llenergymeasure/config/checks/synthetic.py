"""Checks a synthetic dataset against the settings of its experiment."""

from __future__ import annotations

from llenergymeasure.config.base import ContradictionError
from llenergymeasure.config.sections import SyntheticDatasetConfig


def check_synthetic(dataset: SyntheticDatasetConfig, n: int, max_input_tokens: int | None, templated: bool) -> None:
    """Refuse settings that a synthetic dataset cannot follow.

    Args:
        dataset: the dataset.
        n: number of prompts to measure.
        max_input_tokens: limit of a prompt; None = no limit.
        templated: whether the chat template is applied.

    Raises:
        ContradictionError: two settings exclude each other; with both names and the fix.
    """
    if templated:
        problem = "apply_chat_template needs prompts of text, but the dataset is synthetic"
        raise ContradictionError(problem, "set it to false", "apply_chat_template")
    if n > dataset.n:
        problem = f"n {n} exceeds the {dataset.n} prompts of the dataset"
        raise ContradictionError(problem, "lower n or raise dataset.n", "n", "dataset.n")
    if max_input_tokens is not None and dataset.input_len > max_input_tokens:
        raise ContradictionError(
            f"dataset.input_len {dataset.input_len} exceeds max_input_tokens {max_input_tokens}",
            "raise max_input_tokens, or set it to null",
            "dataset.input_len",
            "max_input_tokens",
        )
