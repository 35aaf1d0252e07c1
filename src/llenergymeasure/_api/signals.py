"""What the command line, which handles the signals, asks about blocks that must not be interrupted."""

from __future__ import annotations

from llenergymeasure.core.machine.signals import is_in_uninterrupted_block

__all__ = ["is_in_uninterrupted_block"]
