"""A table of texts, as Markdown and as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from llenergymeasure._format import one_line

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
}  # fmt: skip


# The space between columns.
GAP = "  "


@dataclass(frozen=True)
class Table:
    """A table for people.

    Attributes:
        name: name of its files, without ending.
        caption: what it shows.
        head: titles of the columns.
        rows: the cells, as text.
        texts: number of columns at the left that are text; the others are numbers.
    """

    name: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1

    def plain(self, width: int | None = None) -> str:
        """The table with columns of equal width, for a terminal: text to the left, numbers to the right.

        Args:
            width: characters in a line of the terminal; the titles of a wider table are broken. None = not limited.
        """
        lines = [tuple(map(one_line, cells)) for cells in (self.head, *self.rows)]
        widths = _widths(lines)
        if width is not None and sum(widths) + len(GAP) * (len(widths) - 1) > width:
            head, *rows = lines
            lines = [*_broken(head, _widths(rows)), *rows]
            widths = _widths(lines)
        return "\n".join(self._padded(line, widths) for line in lines)

    def _padded(self, cells: tuple[str, ...], widths: list[int]) -> str:
        padded = (
            f"{cell:<{width}}" if column < self.texts else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return GAP.join(padded).rstrip()

    def markdown(self) -> str:
        """The table in Markdown, with its caption below."""
        rule = ["---"] * self.texts + ["---:"] * (len(self.head) - self.texts)
        lines = [_row(self.head, _markdown), f"|{'|'.join(rule)}|", *(_row(row, _markdown) for row in self.rows)]
        return "\n".join([*lines, "", _markdown(self.caption), ""])

    def latex(self) -> str:
        """The table in LaTeX; it needs the package booktabs."""
        columns = "l" * self.texts + "r" * (len(self.head) - self.texts)
        body = "\n".join(f"{' & '.join(map(latex_text, row))} \\\\" for row in self.rows)
        return (
            "% needs \\usepackage{booktabs}\n"
            f"\\begin{{table}}\n\\centering\n\\caption{{{latex_text(self.caption)}}}\n\\label{{tab:{self.name}}}\n"
            f"\\begin{{tabular}}{{{columns}}}\n\\toprule\n{' & '.join(map(latex_text, self.head))} \\\\\n\\midrule\n"
            f"{body}\n\\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n"
        )


def _widths(lines: Sequence[tuple[str, ...]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*lines, strict=True)]


def _broken(titles: Sequence[str], widths: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """The lines of titles that are broken between words, to the width of their columns where words are not longer."""
    columns = []
    for title, width in zip(titles, widths, strict=True):
        least = max(width, *map(len, title.split()), 1)
        columns.append(wrap(title, least, break_long_words=False))
    height = max(map(len, columns))
    return zip(*([""] * (height - len(column)) + column for column in columns), strict=True)


def _row(cells: tuple[str, ...], escaped: Callable[[str], str]) -> str:
    return f"| {' | '.join(map(escaped, cells))} |"


def _markdown(text: str) -> str:
    """The text in one line and without markup."""
    return re.sub(r"([\\`*_\[\]|<>])", r"\\\1", _in_one_line(text))


def latex_text(text: str) -> str:
    """The text in one line, without commands of LaTeX."""
    return "".join(_LATEX.get(sign, sign) for sign in _in_one_line(text))


def _in_one_line(text: str) -> str:
    return one_line(" ".join(text.split()))
