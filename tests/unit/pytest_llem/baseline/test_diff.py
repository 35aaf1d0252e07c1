"""What differs from the usual configuration, as a label."""

from __future__ import annotations

from pytest_llem.baseline.diff import label_of


def test_the_usual_configuration_has_no_label():
    assert label_of({"n": 1, "pytorch": {"batch_size": 1}}, {"n": 1, "pytorch": {"batch_size": 1}}) == ""


def test_fields_that_differ_are_named_with_their_values():
    usual = {"n": 1, "pytorch": {"batch_size": 1, "device": "cpu"}}
    assert label_of(usual, {"n": 8, "pytorch": {"batch_size": 4}}) == "n=8, pytorch.batch_size=4, pytorch.device=null"
