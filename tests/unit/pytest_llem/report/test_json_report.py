"""The session report is JSON whatever tests recorded."""

from __future__ import annotations

import json

import pytest

from pytest_llem.report.json_report import write_json


def test_values_that_json_does_not_have_become_null_or_text(tmp_path):
    place = tmp_path / "sub" / "report.json"
    write_json(place, {1: (float("nan"), float("inf"), None, True), "path": tmp_path, "list": [1, 2.5, "\ud800"]})
    assert json.loads(place.read_text()) == {
        "1": [None, None, None, True],
        "path": str(tmp_path),
        "list": [1, 2.5, "\ud800"],
    }


def test_a_numpy_number_is_a_number(tmp_path):
    numpy = pytest.importorskip("numpy")
    write_json(tmp_path / "report.json", {"joules": numpy.float32(0.5), "tokens": numpy.int64(3)})
    assert json.loads((tmp_path / "report.json").read_text()) == {"joules": 0.5, "tokens": 3}


def test_a_report_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=r"folder"):
        write_json(tmp_path / "folder", {})
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
