"""The canvas of all figures: style, colours, and a figure as inline SVG, as a file and with a text alternative.

The output depends on the data only: no dates, ids from a fixed salt, the font that matplotlib brings. Texts remain texts,
so that a page can be searched and read aloud. https://matplotlib.org/stable/users/explain/customizing.html
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, wraps
from html import escape
from typing import Any, ParamSpec, TypeVar

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from llenergymeasure._format import printable
from llenergymeasure.results.report.colours import LIGHT, SERIES

Arguments = ParamSpec("Arguments")
Drawn = TypeVar("Drawn")

# Inches, at 72 points; a page shows figures of this width at 900 pixels.
WIDTH, NARROW = 8.8, 4.2
MARKERS = ("o", "s", "^", "D", "v", "P")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (3, 1)), (0, (8, 3)))
_LONGEST = 44

# Its type depends on the release of matplotlib.
_STYLE: Any = {
    "font.size": 8.5, "axes.titlesize": 9, "axes.labelsize": 8.5, "xtick.labelsize": 8, "ytick.labelsize": 8,
    "legend.fontsize": 8, "legend.frameon": False, "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"],
    "text.color": LIGHT["ink"], "axes.labelcolor": LIGHT["soft"], "axes.edgecolor": LIGHT["soft"],
    "xtick.color": LIGHT["soft"], "ytick.color": LIGHT["soft"], "grid.color": LIGHT["grid"], "grid.linewidth": 0.8,
    "axes.spines.top": False, "axes.spines.right": False, "axes.facecolor": "none", "figure.facecolor": "none",
    "savefig.facecolor": "none", "axes.axisbelow": True, "axes.titlelocation": "left", "axes.formatter.useoffset": False,
    "svg.fonttype": "none", "svg.hashsalt": "llenergymeasure", "pdf.fonttype": 42, "text.parse_math": False,
    "path.simplify": True,
}  # fmt: skip


def styled(draw: Callable[Arguments, Drawn]) -> Callable[Arguments, Drawn]:
    """A function that draws with the style of this package; the settings of the process remain unchanged."""

    @wraps(draw)
    def drawn(*arguments: Arguments.args, **options: Arguments.kwargs) -> Drawn:
        with rc_context(_STYLE):
            return draw(*arguments, **options)

    return drawn


@contextmanager
def _every_sign() -> Iterator[None]:
    """No warnings of signs that the font of matplotlib does not have: a browser has more fonts."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield


@dataclass(frozen=True)
class Picture:
    """A finished figure.

    Attributes:
        name: name of its files and prefix of the ids in its SVG.
        title: what it shows.
        text: text alternative, with the numbers.
        figure: the figure.
        caption: what a reader should know about it, for the text below it.
    """

    name: str
    title: str
    text: str
    figure: Figure
    caption: str = ""

    def __post_init__(self) -> None:
        """Fix the layout once, which takes most of the time of writing a figure."""
        with _every_sign():
            self.figure.draw_without_rendering()
        self.figure.set_layout_engine("none")

    @cached_property
    def svg(self) -> str:
        """The figure as an SVG file; control characters, which XML forbids, are escaped as in JSON."""
        return printable(self._written("svg", {"Date": None, "Creator": None, "Title": self.title}).decode("utf-8"))

    @property
    def pdf(self) -> bytes:
        """The figure as a PDF file."""
        return self._written("pdf", {"CreationDate": None, "Producer": None, "Title": self.title})

    @styled
    def _written(self, kind: str, metadata: dict[str, Any]) -> bytes:
        buffer = io.BytesIO()
        with _every_sign():
            self.figure.savefig(buffer, format=kind, metadata=metadata)
        return buffer.getvalue()

    def inline(self) -> str:
        """The figure as SVG for a page: with the page's colours, ids of its own and a text alternative."""
        whole = self.svg
        head, _, rest = whole[whole.index("<svg") :].partition(">")
        drawn = re.sub(r"<[^>]+>", self._in_page, re.sub(r"\s*<metadata>.*?</metadata>", "", rest, flags=re.DOTALL))
        size = re.search(r'viewBox="([^"]+)"', head)
        assert size is not None
        width = float(size[1].split()[2]) * 900 / (WIDTH * 72)
        title, text = escape(printable(self.title)), escape(printable(self.text))
        return (
            f'<svg viewBox="{size[1]}" style="max-width:{width:.0f}px" role="img" aria-labelledby="{self.name}-t {self.name}-d">'
            f'<title id="{self.name}-t">{title}</title><desc id="{self.name}-d">{text}</desc>{drawn}'
        )

    def _in_page(self, tag: re.Match[str]) -> str:
        text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{self.name}-", tag[0])
        return _COLOUR.sub(lambda colour: f"var(--{_NAMES[colour[0]]})", text)


_NAMES = {value: name for name, value in LIGHT.items()}
_COLOUR = re.compile("|".join(_NAMES))


def plot(height: float, width: float = WIDTH, rows: int = 1, **options: Any) -> tuple[Figure, list[Axes]]:
    """A new figure with axes below each other, which keeps all labels inside."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(rows, 1, squeeze=False, **options)
    return figure, list(axes[:, 0])


def colour(index: int) -> str:
    """The colour of the line with this number."""
    return LIGHT[SERIES[index % len(SERIES)]]


def label(text: str, longest: int = _LONGEST) -> str:
    """A text for a figure: in one line, without control characters, shortened in its middle: names differ at their ends."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if len(line) <= longest:
        return line
    end = (longest - 1) // 2
    return f"{line[: longest - 1 - end]}…{line[-end:]}"
