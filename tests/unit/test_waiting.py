"""Tests that wait for other processes notice what was true for a moment, and outlive files that are renamed meanwhile."""

from __future__ import annotations

from waiting import until


def test_what_was_true_for_a_moment_counts():
    answers = iter([False, True, False])
    assert until(lambda: next(answers))


def test_what_never_becomes_true_is_false():
    assert not until(lambda: False, 0.02)


def test_a_file_that_was_renamed_between_listing_and_reading_is_read_again(tmp_path):
    paths = iter([tmp_path / "gone", tmp_path / "there"])
    (tmp_path / "there").write_text("running")
    assert until(lambda: "running" in next(paths).read_text())
