"""Text for a terminal: emphasis, and names with control characters."""

from __future__ import annotations

import io
import json

import pytest

from llenergymeasure.cli.terminal import Screen


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(text, emphasised=None, stream=None, **environ):
    stream = stream or Terminal()
    screen = Screen(stream, environ)
    screen.say(text if emphasised is None else f"{text}{screen.emphasise(emphasised)}")
    return stream.getvalue()


def test_a_terminal_shows_the_headline_in_bold():
    assert shown("model m\n", "10 J", TERM="xterm") == "model m\n\x1b[1m10 J\x1b[0m\n"


@pytest.mark.parametrize(
    ("stream", "environ"), [(io.StringIO, {}), (Terminal, {"NO_COLOR": "1"}), (Terminal, {"TERM": "dumb"})]
)
def test_a_file_and_a_user_without_colours_see_plain_text(stream, environ):
    assert shown("", "10 J", stream(), **environ) == "10 J\n"


def test_an_empty_no_color_is_none():
    assert shown("", "10 J", NO_COLOR="") != "10 J\n"


def test_control_characters_of_terminals_are_shown_escaped():
    evil = "models/\x1b]0;title\x07\x1b[2J\x9b31m\u202egpj\r\x7f"
    assert shown(evil, TERM="xterm") == ("models/\\u001b]0;title\\u0007\\u001b[2J\\u009b31m\\u202egpj\\u000d\\u007f\n")


def test_a_name_that_asks_for_bold_does_not_get_it():
    assert shown("\x1b[1mloud\x1b[0m", "10 J", TERM="xterm") == "\\u001b[1mloud\\u001b[0m\x1b[1m10 J\x1b[0m\n"


def test_an_emphasised_name_is_escaped_too():
    assert shown("", "a\x1b[31m", TERM="xterm") == "\x1b[1ma\\u001b[31m\x1b[0m\n"


def test_letters_of_all_languages_are_shown():
    assert shown("Größe 模型 модель 🙂\tx") == "Größe 模型 модель 🙂\tx\n"


def test_an_escaped_json_document_keeps_its_meaning():
    content = {"model": "a\x1b\x9b\u202e\U000e0001\ud800"}
    assert json.loads(shown(json.dumps(content, ensure_ascii=False))) == content
