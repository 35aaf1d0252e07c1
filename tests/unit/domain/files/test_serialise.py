"""Results as JSON and Parquet, and back: lossless, and nothing else is read as a result."""

from __future__ import annotations

import json

import pytest

from a_result import a_result, a_timeseries
from llenergymeasure import ExperimentResult
from llenergymeasure.exceptions import ConfigError


def test_a_round_trip_through_json_loses_nothing(tmp_path):
    result = a_result()
    assert ExperimentResult.from_json(result.to_json(tmp_path / "r.json")) == result


def test_the_json_begins_with_the_headlines(tmp_path):
    names = list(json.loads(a_result().to_json(tmp_path / "r.json").read_text()))
    assert names[:4] == ["schema_version", "measurement_config_hash", "duration_sec", "energy_total_j"]


def test_a_headline_that_its_parts_do_not_give_is_refused(tmp_path):
    path = a_result().to_json(tmp_path / "r.json")
    data = json.loads(path.read_text())
    data["energy_total_j"] = 1.0
    path.write_text(json.dumps(data))
    with pytest.raises(ConfigError, match="energy_total_j"):
        ExperimentResult.from_json(path)


def test_a_missing_side_file_is_a_warning_not_an_error(tmp_path):
    path = a_result(timeseries=a_timeseries()).save(tmp_path)
    (path.parent / "timeseries.parquet").unlink()
    with pytest.warns(UserWarning, match=r"timeseries\.parquet is missing"):
        assert ExperimentResult.from_json(path).timeseries is None


def test_the_side_file_states_units_and_schema(tmp_path):
    import pyarrow.parquet as pq

    metadata = pq.read_schema(a_result(timeseries=a_timeseries()).to_parquet(tmp_path / "t.parquet")).metadata
    assert metadata[b"schema_version"] == b"2.0"
    assert b"power_w: W" in metadata[b"units"]


def test_nothing_sampled_gives_an_empty_table(tmp_path):
    import pyarrow.parquet as pq

    assert pq.read_table(a_result().to_parquet(tmp_path / "t.parquet")).num_rows == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[1]", "schema_version None"),
        ('{"schema_version": "9.9"}', "schema_version '9.9'"),
        ('{"schema_version": "2.0"}', "not a valid result"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_file_that_is_no_result_is_refused_with_the_reason(tmp_path, text, words):
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        ExperimentResult.from_json(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.json"):
        ExperimentResult.from_json(tmp_path / "nowhere.json")
