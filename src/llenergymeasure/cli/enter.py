"""The Enter key, which skips a wait on a terminal."""

from __future__ import annotations

import os
import select
import sys
from typing import TextIO


class EnterKey:
    """Whether Enter was pressed since the last call. Never without a terminal, or while another program has it.

    Args:
        keyboard: the terminal to read from.
        screen: where waits are shown; without a terminal there the user sees no wait.
    """

    def __init__(self, keyboard: TextIO | None = None, screen: TextIO | None = None) -> None:
        self._keyboard: TextIO | None = keyboard or sys.stdin  # None when it was closed before the start
        self._screen = screen or sys.stderr

    @property
    def hint(self) -> str:
        return ", Enter skips" if self._is_there() else ""

    def __call__(self) -> bool:
        if self._keyboard is None or not self._is_there() or not self._is_ours(self._keyboard):
            return False
        pressed = False
        while select.select([self._keyboard], [], [], 0)[0]:
            if not os.read(self._keyboard.fileno(), 1024):  # the terminal was closed
                return False
            pressed = True
        return pressed

    def _is_there(self) -> bool:
        """Whether the user can press it, and sees the wait."""
        return self._keyboard is not None and self._keyboard.isatty() and self._screen.isatty()

    def _is_ours(self, keyboard: TextIO) -> bool:
        """Whether this program is in the foreground; reading in the background would stop it."""
        try:
            return os.tcgetpgrp(keyboard.fileno()) == os.getpgrp()
        except OSError:
            return False
