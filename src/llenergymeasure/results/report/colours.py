"""The colours of pages and figures, by name: of a light page and of print, and of a dark page.

Figures are drawn with the light colours. In a page, each colour becomes a CSS variable, so that figures follow the page.
The colours of data are those of Okabe and Ito, which people with colour blindness can distinguish: https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

LIGHT = {
    "ink": "#1b1f24", "soft": "#5a6572", "line": "#d5dae0", "grid": "#e4e8ec", "fill": "#f5f7f9", "paper": "#ffffff",
    "alert": "#d55e01", "alert-fill": "#fdf3ec", "good": "#00785a", "link": "#005f99",
    "a": "#0072b2", "b": "#d55e00", "c": "#009e73", "d": "#8a4f7d", "e": "#b87f00", "f": "#5a6573",
    "idle": "#eef1f4", "load": "#dfe5ea", "warmup": "#fbe3c8", "floor": "#eaf3f8", "meter": "#fefefe", "window": "#cfe6f4",
    "prefill": "#f6cfa4", "decode": "#dcedf7", "modelled": "#b9c3cc", "bar": "#56a5d3", "stripe": "#f3f5f7",
}  # fmt: skip

DARK = {
    "ink": "#e7ebef", "soft": "#a3adb8", "line": "#3a434d", "grid": "#2d353e", "fill": "#1d242b", "paper": "#14191f",
    "alert": "#ff9b57", "alert-fill": "#2c2118", "good": "#4fd1a5", "link": "#7cc4f5",
    "a": "#58b4f0", "b": "#ff9148", "c": "#3fcf9f", "d": "#d79bc8", "e": "#f0bd4f", "f": "#a3adb9",
    "idle": "#232b33", "load": "#2b343d", "warmup": "#4a3823", "floor": "#1f2f3a", "meter": "#181e24", "window": "#1f3d52",
    "prefill": "#6b4a24", "decode": "#1f3a4d", "modelled": "#5f6b77", "bar": "#3f8fbf", "stripe": "#1a2027",
}  # fmt: skip

# Of the lines of a figure, in their order.
SERIES = ("a", "b", "c", "d", "e", "f")
