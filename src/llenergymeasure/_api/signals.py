"""What the command line, which handles the signals, asks about blocks that must not be interrupted."""

from __future__ import annotations

from llenergymeasure.core.machine.signals import are_held_back

__all__ = ["are_held_back"]
