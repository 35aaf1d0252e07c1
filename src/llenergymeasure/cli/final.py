"""What an interrupt does not do: it changes no final outcome, and prints nothing in a destructor."""

from __future__ import annotations

import sys
from collections.abc import Callable


class Outcome:
    """The outcome of the command. Once it is final, a later interrupt changes nothing."""

    is_final = False


OUTCOME = Outcome()


def without_interrupts(report: Callable[[sys.UnraisableHookArgs], object]) -> Callable[[sys.UnraisableHookArgs], None]:
    """A hook for errors in destructors that reports all except interrupts."""

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            report(unraisable)

    return hook
