"""Formats numbers with significant figures and a unit, and texts without control characters."""

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


def time_unit(largest_ms: float) -> tuple[str, float]:
    """The unit for times of which the largest is given, and the number by which times in ms are divided for it."""
    return ("s", 1000.0) if largest_ms > 1000 else ("ms", 1.0)


def milliseconds(values_ms: Sequence[float]) -> tuple[str, ...]:
    """Times in ms with their unit; all of them in s when one is above 1,000 ms."""
    unit, scale = time_unit(max(values_ms, default=0.0))
    return tuple(number(value / scale, unit) for value in values_ms)


# Control and formatting characters (ESC, right-to-left override), surrogates, and separators of lines: a terminal obeys them.
_OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")


def printable(text: str, kept: str = "\n\t") -> str:
    """The text with control characters as in JSON: `\\u001b` for ESC. A JSON document keeps its meaning.

    Args:
        text: any text, such as one with the name of a file.
        kept: control characters to keep.
    """
    if text.isprintable():
        return text
    from unicodedata import category  # noqa: PLC0415 - few texts need it, and it takes start-up time

    return "".join(sign if sign in kept or category(sign) not in _OBEYED else _escaped(sign) for sign in text)


def one_line(text: str) -> str:
    """The text in one line: with breaks of lines escaped too."""
    return printable(text, kept="")


def _escaped(sign: str) -> str:
    units = sign.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


def operations(count: float | None) -> str:
    """Floating point operations in GFLOP or PFLOP; `not known` for None."""
    if count is None:
        return "not known"
    return number(count / 1e15, "PFLOP") if count >= 1e15 else number(count / 1e9, "GFLOP")
