"""Whether the outcome of the command is final."""

from __future__ import annotations


class Outcome:
    """The outcome of the command. Once it is final, a later interrupt changes nothing."""

    is_final = False


OUTCOME = Outcome()
