"""The colours of pages and figures, by name: of a light page and of print, and of a dark page.

Figures are drawn with the light colours. In a page, each colour becomes a CSS variable, so that figures follow the page.
The colours of data are those of Okabe and Ito, which people with colour blindness can distinguish: https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

# On a light page, and on a dark one.
_COLOURS = {
    "ink": ("#1b1f24", "#e7ebef"),
    "soft": ("#5a6572", "#a3adb8"),
    "line": ("#d5dae0", "#3a434d"),
    "grid": ("#e4e8ec", "#2d353e"),
    "fill": ("#f5f7f9", "#1d242b"),
    "paper": ("#ffffff", "#14191f"),
    "alert": ("#d55e01", "#ff9b57"),
    "alert-fill": ("#fdf3ec", "#2c2118"),
    "good": ("#00785a", "#4fd1a5"),
    "link": ("#005f99", "#7cc4f5"),
    "a": ("#0072b2", "#58b4f0"),
    "b": ("#d55e00", "#ff9148"),
    "c": ("#009e73", "#3fcf9f"),
    "d": ("#8a4f7d", "#d79bc8"),
    "e": ("#b87f00", "#f0bd4f"),
    "f": ("#5a6573", "#a3adb9"),
    "idle": ("#eef1f4", "#232b33"),
    "load": ("#dfe5ea", "#2b343d"),
    "warmup": ("#fbe3c8", "#4a3823"),
    "floor": ("#eaf3f8", "#1f2f3a"),
    "ramp_up": ("#e3f1e8", "#22352b"),
    "meter": ("#fefefe", "#181e24"),
    "drain": ("#e8ecdd", "#2a3022"),
    "window": ("#cfe6f4", "#1f3d52"),
    "prefill": ("#f6cfa4", "#6b4a24"),
    "decode": ("#dcedf7", "#1f3a4d"),
    "modelled": ("#b9c3cc", "#5f6b77"),
    "bar": ("#56a5d3", "#3f8fbf"),
    "stripe": ("#f3f5f7", "#1a2027"),
}
LIGHT = {name: light for name, (light, _) in _COLOURS.items()}
DARK = {name: dark for name, (_, dark) in _COLOURS.items()}

# Of the lines of a figure, in their order.
SERIES = ("a", "b", "c", "d", "e", "f")
