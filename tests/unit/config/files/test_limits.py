"""A document is counted as if its aliases were written out."""

from __future__ import annotations

import pytest

from llenergymeasure.config.files.limits import MAX_DEPTH, MAX_NODES, SizeCounter, TooMuchError


def leaf(tally, anchor=None):
    tally.enter(anchor)
    tally.leave()


def test_as_many_values_as_allowed_are_counted_and_not_one_more():
    tally = SizeCounter()
    for _ in range(MAX_NODES):
        leaf(tally)
    with pytest.raises(TooMuchError, match="expand to more than 25000"):
        tally.enter(None)


def test_an_alias_counts_as_its_content():
    tally = SizeCounter()
    tally.enter("thousand")
    for _ in range(999):
        leaf(tally)
    tally.leave()
    for _ in range(24):
        tally.alias("thousand")
    with pytest.raises(TooMuchError, match="expand to more than 25000"):
        tally.alias("thousand")


def test_levels_are_counted_and_given_back():
    tally = SizeCounter()
    for _ in range(2):
        for _ in range(MAX_DEPTH):
            tally.enter(None)
        for _ in range(MAX_DEPTH):
            tally.leave()
    for _ in range(MAX_DEPTH):
        tally.enter(None)
    with pytest.raises(TooMuchError, match="too deeply, at most 50 levels"):
        tally.enter(None)


def test_an_alias_is_as_deep_as_its_content():
    tally = SizeCounter()
    tally.enter("two levels")
    leaf(tally)
    tally.leave()
    for _ in range(MAX_DEPTH - 2):
        tally.enter(None)
    tally.alias("two levels")
    tally.enter(None)
    with pytest.raises(TooMuchError, match="too deeply, at most 50 levels"):
        tally.alias("two levels")


def test_an_alias_inside_of_itself_never_ends():
    tally = SizeCounter()
    tally.enter("self")
    with pytest.raises(TooMuchError, match=r"\*self contains itself"):
        tally.alias("self")
