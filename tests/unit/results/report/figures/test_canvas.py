"""What all figures share: the same bytes each time, texts that stay texts, colours that follow the page."""

from __future__ import annotations

import re

import matplotlib as mpl
import pytest

from llenergymeasure.results.report.colours import DARK, LIGHT
from llenergymeasure.results.report.figures.canvas import Picture, label, plot, styled


@styled
def a_picture(text: str = "words", name: str = "one") -> Picture:
    figure, (axes,) = plot(2.0)
    axes.plot([0, 1], [0, 1], "o", color=LIGHT["a"], clip_on=True)
    axes.set_xlabel(text)
    return Picture(name, f"Title {text}", f"Text {text}", figure)


def test_the_same_figure_gives_the_same_bytes():
    assert a_picture().svg == a_picture().svg
    assert a_picture().pdf == a_picture().pdf
    assert a_picture().pdf.startswith(b"%PDF-")
    assert b"CreationDate" not in a_picture().pdf


def test_the_settings_of_the_process_remain():
    before = dict(mpl.rcParams)
    assert a_picture().svg
    assert dict(mpl.rcParams) == before


def test_no_figure_is_kept_by_pyplot():
    import sys

    assert "matplotlib.pyplot" not in sys.modules or sys.modules["matplotlib.pyplot"].get_fignums() == []


def test_in_a_page_colours_are_those_of_the_page_and_ids_are_its_own():
    drawn = a_picture().inline()
    assert "var(--a)" in drawn
    assert not re.search("#[0-9a-f]{6}", drawn)
    ids = re.findall(r'\bid="([^"]+)"', drawn)
    assert ids
    assert all(name.startswith("one-") for name in ids)
    assert len(ids) == len(set(ids))
    assert all(f'id="{name}"' in drawn for name in re.findall(r'(?:href="#|url\(#)([^")]+)', drawn))
    assert "<metadata" not in drawn


def test_texts_stay_texts_and_are_escaped():
    drawn = a_picture("<b>bold</b> $x^2$ #0072b2 ü").inline()
    assert "&lt;b&gt;bold&lt;/b&gt; $x^2$ #0072b2 ü</text>" in drawn
    assert '<title id="one-t">Title &lt;b&gt;bold&lt;/b&gt;' in drawn


@pytest.mark.filterwarnings("error")
def test_signs_that_the_font_does_not_have_are_kept_for_the_browser():
    assert "模型" in a_picture("模型").inline()
    assert a_picture("模型").pdf


def test_a_text_of_a_figure_has_no_control_characters():
    drawn = a_picture("a\x1b[31m\u202egpj").inline()
    assert not {"\x1b", "\u202e"} & set(drawn)


def test_a_label_is_one_printable_line_of_limited_length():
    assert label("a\nb\x00c") == "a b c"
    assert len(label("x" * 500)) == 44
    assert label("quantised-model-a", 9) == "quan…el-a"  # names that begin alike stay distinguishable


def test_every_colour_has_a_dark_one_and_one_name():
    assert set(LIGHT) == set(DARK)
    assert len(set(LIGHT.values())) == len(LIGHT)


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_and_lines_can_be_read_on_their_ground(colours):
    for ground in ("paper", "fill", "alert-fill"):
        assert contrast(colours["ink"], colours[ground]) > 7
    for ground in ("paper", "fill", "stripe"):
        assert contrast(colours["soft"], colours[ground]) > 4.5
    for step in ("idle", "load", "warmup", "floor", "meter", "window", "prefill", "decode"):
        assert contrast(colours["ink"], colours[step]) > 4.5
    for line in ("a", "b", "c", "d", "e", "f"):
        assert contrast(colours[line], colours["paper"]) > 3
