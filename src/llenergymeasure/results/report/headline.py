"""One of the numbers at the top of a page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Headline:
    """One of the numbers at the top of a page.

    Attributes:
        name: its title.
        value: the number with its unit, or `not measured`.
        spread: its error bar or its percentiles; empty when there is none.
        note: a note on how to read it.
    """

    name: str
    value: str
    spread: str = ""
    note: str = ""
