"""Recorded joules: each test reads its own list."""

from __future__ import annotations

import json
import re

import pytest

from pytest_llem.measure.replay import ReplayError, read_replay


@pytest.fixture
def written(tmp_path):
    def write(content):
        path = tmp_path / "joules.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_every_window_takes_the_next_value_of_its_test(written):
    replay = read_replay(written({"windows": {"a": [1, 2.5], "*": [7, 8]}}))
    assert [replay.next("a"), replay.next("b"), replay.next("a"), replay.next("c"), replay.next("b")] == [
        1,
        7,
        2.5,
        7,
        8,
    ]
    assert (replay.left("a"), replay.left("c")) == (0, 1)


def test_running_out_is_an_error_with_the_number_of_windows(written):
    replay = read_replay(written({"windows": {"a": [1]}}))
    replay.next("a")
    with pytest.raises(ReplayError, match="has 1 recorded windows for a, and all are used"):
        replay.next("a")
    with pytest.raises(ReplayError, match="has 0 recorded windows for b"):
        replay.next("b")


NO_RECORDING, NO_FINGERPRINT = 'is not {"windows": ', "fingerprint is not a mapping of names to plain values"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "Expecting value"),
        ("[]", NO_RECORDING),
        ("{}", NO_RECORDING),
        ({"windows": []}, NO_RECORDING),
        ({"windows": {"a": 3}}, NO_RECORDING),
        ({"windows": {"a": ["3"]}}, NO_RECORDING),
        ({"windows": {"a": [True]}}, NO_RECORDING),
        ('{"windows": {"a": [NaN]}}', NO_RECORDING),
        ({"windows": {}, "fingerprint": []}, NO_FINGERPRINT),
        ({"windows": {}, "fingerprint": {"a": []}}, NO_FINGERPRINT),
    ],
)
def test_what_is_no_recording_is_refused(written, content, words):
    with pytest.raises(ReplayError, match=re.escape(words)):
        read_replay(written(content))
