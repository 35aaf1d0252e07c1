"""The study of two cells in two cycles that tests and scripts run with real processes."""

from __future__ import annotations

from pathlib import Path

TEXT = Path(__file__).with_name("small_study.yaml").read_text(encoding="utf-8")


def small_study(isolation: str) -> str:
    """Its file, with another isolation."""
    return TEXT.replace("isolation: process", f"isolation: {isolation}")
