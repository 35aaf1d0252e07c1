"""Environment variables that hold a number or a switch. An invalid value is an error; it is never ignored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

from llenergymeasure._numerals import decimal_number
from llenergymeasure.exceptions import ConfigError

T = TypeVar("T")

_SWITCH = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def number_from(environ: Mapping[str, str], name: str, least: float, otherwise: T) -> float | T:
    """A number of at least `least`; `otherwise` when the variable is not set.

    Raises:
        ConfigError: the value is no number, below `least`, or not finite.
    """
    text = environ.get(name)
    if text is None:
        return otherwise
    value = decimal_number(text)
    if value is None or not least <= value < math.inf:
        raise ConfigError(
            f"environment variable {name} is '{text}'", f"set a decimal number of at least {least:g}, or unset it"
        )
    return float(value)


def switch_from(environ: Mapping[str, str], name: str) -> bool:
    """Whether the variable switches something on; False when it is not set.

    Raises:
        ConfigError: the value is neither a yes nor a no.
    """
    text = environ.get(name)
    if text is None:
        return False
    switch = _SWITCH.get(text.strip().lower())
    if switch is None:
        raise ConfigError(f"environment variable {name} is '{text}'", "set 1 or 0, or unset it")
    return switch
