"""A closed reader of stdout is no error; any other broken pipe is reported."""

from __future__ import annotations

import errno
import os
import sys

import pytest

from llenergymeasure.cli.outcome import exit_code_of


def full():
    raise OSError(errno.ENOSPC, "No space left on device")


def test_an_output_that_became_full_within_a_long_text_is_reported_in_one_line(capsys):
    assert exit_code_of(full, tracebacks=False) == 1
    assert capsys.readouterr().err == "error: the output could not be written: No space left on device\n"


def broken():
    raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize(("reader_left", "reported"), [(True, ""), (False, "BrokenPipeError")])
def test_only_a_reader_of_stdout_that_left_is_no_reason_to_complain(capsys, monkeypatch, reader_left, reported):
    reader, writer = os.pipe()
    if reader_left:
        os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as stdout, monkeypatch.context() as here:
        here.setattr(sys, "stdout", stdout)
        code = exit_code_of(broken, tracebacks=False)
    err = capsys.readouterr().err
    assert code == 1
    assert (reported in err) if reported else err == ""
    if not reader_left:
        os.close(reader)
