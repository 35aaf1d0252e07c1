"""What counts as a number, wherever one is written."""

from __future__ import annotations

import pytest

from llenergymeasure._numerals import ANY_NOTATION, DECIMAL_FRACTION, DECIMAL_INTEGER, decimal_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0), ("42", 42), ("-7", -7), ("+5", 5), (" 8 ", 8), ("0.5", 0.5), (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0),
        ("00.5", 0.5), ("-1.5E-1", -0.15),
    ],
)  # fmt: skip
def test_decimal_digits_are_a_number(text, number):
    found = decimal_number(text)
    assert (found, type(found)) == (number, type(number))


@pytest.mark.parametrize("text", ["010", "08", "0x10", "0b1", "0o7", "1_000", "1:30", ".inf", ".nan", "inf", "nan"])
def test_any_other_notation_is_none(text):
    assert decimal_number(text) is None


@pytest.mark.parametrize("text", ["", "-", "+", ".", "_", "e3", "1e", "2024-01-01", "12:60", "v1", "\u0663"])
def test_what_no_reader_takes_for_a_number_is_text(text):
    assert decimal_number(text) is None
    assert not any(pattern.match(text) for pattern in (DECIMAL_INTEGER, DECIMAL_FRACTION, ANY_NOTATION))
