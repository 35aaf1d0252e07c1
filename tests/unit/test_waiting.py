"""Tests that wait for other processes notice what was true for a moment, and outlive files that are renamed meanwhile."""

from __future__ import annotations

import pytest

from waiting import until


def test_what_was_true_for_a_moment_counts():
    answers = iter([False, True, False])
    assert until(lambda: next(answers))


def test_what_never_becomes_true_is_false():
    assert not until(lambda: False, 0.02)


@pytest.mark.parametrize("gone", [FileNotFoundError, ProcessLookupError])
def test_what_ends_while_it_is_read_is_asked_again(gone):
    answers = iter([gone, None])

    def is_there():
        if error := next(answers):
            raise error
        return True

    assert until(is_there)


def test_a_file_that_was_renamed_between_listing_and_reading_is_read_again(tmp_path):
    paths = iter([tmp_path / "gone", tmp_path / "there"])
    (tmp_path / "there").write_text("running")
    assert until(lambda: "running" in next(paths).read_text())
