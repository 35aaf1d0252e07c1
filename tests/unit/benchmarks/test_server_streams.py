from __future__ import annotations

import json
import time

import pytest
from benchmarks.peer_aiperf import of_tokens, put_into_cache
from benchmarks.server_streams import late_row
from benchmarks.stream_clients import late_of


def test_the_lateness_of_a_token_is_counted_from_the_time_in_its_text():
    wrote_s = time.perf_counter() - 1.0
    (late,) = late_of(b"data: " + json.dumps({"choices": [{"text": f" {wrote_s!r}"}]}).encode() + b"\n")
    assert 1.0 <= late < 60.0


@pytest.mark.parametrize("line", [b"", b"\n", b": comment", b"data: [DONE]", b'data: {"choices": [], "usage": {}}'])
def test_a_line_without_a_token_has_none(line):
    assert late_of(line) == []


def test_the_times_of_aiperf_are_read_from_its_raw_records(tmp_path):
    packets = [
        {"name": "data", "value": json.dumps({"choices": [{"text": " 2.0"}]})},
        {"name": "data", "value": json.dumps({"choices": [], "usage": {}})},
        {"name": "data", "value": "[DONE]"},
    ]
    record = {"responses": [{"perf_ns": 2_500_000_000, "packets": packets}]}
    (tmp_path / "profile_export_raw.jsonl").write_text(json.dumps(record) + "\n")
    assert list(of_tokens(tmp_path)) == [0.5]


def test_aiperf_finds_its_tokenizer_in_the_cache_of_the_hub(tmp_path):
    put_into_cache(tmp_path)
    (model,) = tmp_path.iterdir()
    revision = (model / "refs" / "main").read_text()
    assert (model / "snapshots" / revision / "tokenizer.json").exists()


def test_only_the_client_of_this_package_has_a_target():
    assert not late_row("ours", [11.0], is_ours=True).kept
    assert late_row("ours", [9.0, 30.0, 1.0], is_ours=True).kept
    assert late_row("another", [1000.0], is_ours=False).kept
