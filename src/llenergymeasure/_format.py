"""Formats numbers with significant figures and a unit."""

from __future__ import annotations

from collections.abc import Sequence

NOT_MEASURED = "not measured"


def number(value: float | None, unit: str, figures: int = 3) -> str:
    """A value with its unit and the given number of significant figures; `not measured` for None."""
    if value is None:
        return NOT_MEASURED
    if value == 0:
        return f"0 {unit}".strip()
    text = f"{value:.{figures}g}"
    if "e" in text and 1e-4 <= abs(value) < 1e6:
        text = f"{float(text):.0f}"
    return f"{text} {unit}".strip()


def milliseconds(values_ms: Sequence[float]) -> tuple[str, ...]:
    """Times in ms with their unit; all of them in s when one is above 1,000 ms."""
    scale, unit = (1000.0, "s") if max(values_ms, default=0.0) > 1000 else (1.0, "ms")
    return tuple(number(value / scale, unit) for value in values_ms)


def operations(count: float | None) -> str:
    """Floating point operations in GFLOP or PFLOP; `not known` for None."""
    if count is None:
        return "not known"
    return number(count / 1e15, "PFLOP") if count >= 1e15 else number(count / 1e9, "GFLOP")
