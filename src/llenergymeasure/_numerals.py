"""Recognises decimal numbers in text. Texts that are numbers only for some readers are not guessed.

`0100` is 64 to YAML 1.1, and 100 to YAML 1.2 and to Python; `1:30` is 90 to YAML 1.1, and text to YAML 1.2.
"""

from __future__ import annotations

import re

DECIMAL_INTEGER = re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$")
DECIMAL_FRACTION = re.compile(
    r"^[-+]?(?:[0-9]+\.[0-9]*(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.[0-9]+(?:[eE][-+]?[0-9]+)?)$"
)
# Numbers of YAML 1.1 (yaml.org/type/int.html and float.html) and of YAML 1.2 (its core schema, 10.3.2). Some are
# decimal as well: those are recognised first.
ANY_NOTATION = re.compile(
    r"""^[-+]?(?:
        (?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?  # zeros in front, separators
      | 0[xX][0-9a-fA-F_]+ | 0[oO][0-7_]+ | 0[bB][01_]+
      | [0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?                        # base 60
      | \.(?:inf|Inf|INF|nan|NaN|NAN)
    )$""",
    re.VERBOSE,
)


def decimal_number(text: str) -> int | float | None:
    """The number of a text with decimal digits, without surrounding blanks; None for any other text."""
    stripped = text.strip()
    if DECIMAL_INTEGER.match(stripped):
        return int(stripped)
    return float(stripped) if DECIMAL_FRACTION.match(stripped) else None
