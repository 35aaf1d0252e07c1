"""Numbers with units, and texts without control characters."""

from __future__ import annotations

import pytest

from llenergymeasure._format import milliseconds, one_line, printable


def test_times_above_a_second_are_in_seconds_all_of_them():
    assert milliseconds((12.0, 1000.0)) == ("12 ms", "1000 ms")
    assert milliseconds((980.0, 1234.0)) == ("0.98 s", "1.23 s")
    assert milliseconds(()) == ()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("org/model-1B", "org/model-1B"),
        ("a\x1b[31mred", "a\\u001b[31mred"),
        ("a\u202egpj.exe", "a\\u202egpj.exe"),
        ("a\u2028b\rc", "a\\u2028b\\u000dc"),
        ("a\udc80", "a\\udc80"),
        ("a\nb\tc", "a\nb\tc"),
        ("模型 ☃ é", "模型 ☃ é"),
    ],
)
def test_control_characters_of_terminals_are_escaped(text, shown):
    assert printable(text) == shown


def test_a_text_in_one_line_has_no_breaks():
    assert one_line("m\nready to publish\t") == "m\\u000aready to publish\\u0009"
