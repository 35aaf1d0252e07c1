"""The Enter key, on a terminal of the test."""

from __future__ import annotations

import io
import os
import pty

import pytest

from llenergymeasure.cli.enter import EnterKey


class OwnTerminal(EnterKey):
    """A terminal that belongs to this program, as that of a test does not."""

    def _is_ours(self, keyboard):
        return True


@pytest.fixture
def terminal():
    main, other = pty.openpty()
    with os.fdopen(other) as stream:
        yield main, stream
    os.close(main)


def test_enter_is_seen_once(terminal):
    main, stream = terminal
    key = OwnTerminal(stream, stream)
    assert not key()
    os.write(main, b"\n")
    assert key()
    assert not key()


def test_letters_without_enter_are_no_request(terminal):
    main, stream = terminal
    os.write(main, b"abc")
    assert not OwnTerminal(stream, stream)()


def test_without_a_terminal_nothing_is_read():
    with io.StringIO("\n") as text:
        assert not EnterKey(text, text)()
        assert text.tell() == 0


def test_a_terminal_of_another_program_is_not_read(terminal):
    main, stream = terminal
    os.write(main, b"\n")
    assert not EnterKey(stream, stream)()


def test_a_keyboard_that_was_closed_before_the_start_is_not_read(monkeypatch, terminal):
    monkeypatch.setattr("sys.stdin", None)
    key = EnterKey(screen=terminal[1])
    assert (key(), key.hint) == (False, "")
