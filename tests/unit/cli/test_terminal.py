"""Text for a terminal: emphasis."""

from __future__ import annotations

import io

import pytest

from llenergymeasure.cli.terminal import emphasis_on


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_the_headline_in_bold():
    assert emphasis_on(Terminal(), {"TERM": "xterm"})("10 J") == "\x1b[1m10 J\x1b[0m"


@pytest.mark.parametrize(
    ("stream", "environ"), [(io.StringIO(), {}), (Terminal(), {"NO_COLOR": "1"}), (Terminal(), {"TERM": "dumb"})]
)
def test_a_file_and_a_user_without_colours_see_plain_text(stream, environ):
    assert emphasis_on(stream, environ)("10 J") == "10 J"


def test_an_empty_no_color_is_none():
    assert emphasis_on(Terminal(), {"NO_COLOR": ""})("10 J") != "10 J"
