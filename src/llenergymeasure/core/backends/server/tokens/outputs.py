"""The number of tokens of generated texts. A tokenizer is made for prompts: some put a space before the first word."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# Every tokenizer begins a new token where white space follows a letter.
LETTER = "a"


def lengths_of_outputs(texts: Sequence[str], lengths_of: Callable[[Sequence[str]], Sequence[int]]) -> list[int]:
    """The number of tokens of each text where it follows another text.

    Args:
        texts: generated texts, or parts of them.
        lengths_of: the numbers of tokens of texts on their own, without special tokens.
    """
    placed = [LETTER + text if _begins_with_space(text) else text for text in texts]
    of_letter, *found = lengths_of([LETTER, *placed])
    return [length - of_letter if _begins_with_space(text) else length for text, length in zip(texts, found)]


def _begins_with_space(text: str) -> bool:
    return text[:1].isspace()
