"""Results on disk: lossless, atomic, never overwriting."""

from __future__ import annotations

import csv
import json
import threading

import pytest

from a_result import a_result, a_timeseries
from fakes import MemoryRepository
from llenergymeasure import ExperimentResult
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.protocols import ResultsRepository
from llenergymeasure.results.store import FolderRepository, folder_name, from_json, save, to_json, to_parquet


def test_a_round_trip_through_json_loses_nothing(tmp_path):
    result = a_result()
    assert from_json(to_json(result, tmp_path / "r.json")) == result


def test_a_round_trip_through_a_folder_keeps_the_time_series(tmp_path):
    result = a_result(timeseries=a_timeseries())
    back = ExperimentResult.from_json(result.save(tmp_path))
    assert back.timeseries == result.timeseries
    assert back.timeseries_file == "timeseries.parquet"


def test_the_json_begins_with_the_headlines(tmp_path):
    names = list(json.loads(to_json(a_result(), tmp_path / "r.json").read_text()))
    assert names[:4] == ["schema_version", "measurement_config_hash", "duration_sec", "energy_total_j"]


def test_rows_of_csv_tell_runs_apart_by_batches_and_attention(tmp_path):
    result = a_result(pytorch={"batching_strategy": "dynamic"})
    info = result.model_info.model_copy(update={"attn_implementation": "eager"})
    path = save(result.model_copy(update={"model_info": info}), tmp_path, export_csv=True)
    row = next(csv.DictReader((path.parent / "result.csv").read_text().splitlines()))
    assert (row["attn_implementation"], row["batching_strategy"]) == ("eager", "dynamic")


def test_not_measured_is_null_in_json_and_empty_in_csv(tmp_path):
    path = save(a_result(energy_j=None), tmp_path, export_csv=True)
    assert json.loads(path.read_text())["energy_total_j"] is None
    row = next(csv.DictReader((path.parent / "result.csv").read_text().splitlines()))
    assert row["energy_total_j"] == ""
    assert row["output_tokens"] == "20"


def test_a_headline_that_its_parts_do_not_give_is_refused(tmp_path):
    path = to_json(a_result(), tmp_path / "r.json")
    data = json.loads(path.read_text())
    data["energy_total_j"] = 1.0
    path.write_text(json.dumps(data))
    with pytest.raises(ConfigError, match="energy_total_j"):
        from_json(path)


def test_the_folder_is_named_after_model_backend_and_time(tmp_path):
    assert save(a_result(), tmp_path).parent.name == folder_name(a_result()) == "tiny-llama_pytorch_2026-01-02T03-04-05"


def test_a_second_result_of_the_same_second_gets_a_suffix(tmp_path):
    names = [save(a_result(), tmp_path).parent.name for _ in range(3)]
    assert names == [f"tiny-llama_pytorch_2026-01-02T03-04-05{suffix}" for suffix in ("", "_1", "_2")]


def test_results_saved_at_the_same_time_never_share_a_folder(tmp_path):
    places: list = []
    threads = [threading.Thread(target=lambda: places.append(save(a_result(), tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(places)) == 8
    assert all(from_json(place) == a_result() for place in places)


def test_a_missing_side_file_is_a_warning_not_an_error(tmp_path):
    path = save(a_result(timeseries=a_timeseries()), tmp_path)
    (path.parent / "timeseries.parquet").unlink()
    with pytest.warns(UserWarning, match=r"timeseries\.parquet is missing"):
        assert from_json(path).timeseries is None


def test_the_side_file_tells_units_and_schema(tmp_path):
    import pyarrow.parquet as pq

    metadata = pq.read_schema(to_parquet(a_result(timeseries=a_timeseries()), tmp_path / "t.parquet")).metadata
    assert metadata[b"schema_version"] == b"2.0"
    assert b"power_w: W" in metadata[b"units"]


def test_nothing_sampled_gives_an_empty_table(tmp_path):
    import pyarrow.parquet as pq

    assert pq.read_table(to_parquet(a_result(), tmp_path / "t.parquet")).num_rows == 0


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
        from_json(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.json"):
        from_json(tmp_path / "nowhere.json")


@pytest.mark.parametrize("make", [FolderRepository, lambda path: MemoryRepository()], ids=["folder", "fake"])
def test_a_repository_gives_back_what_it_was_given(tmp_path, make):
    repository = make(tmp_path)
    assert isinstance(repository, ResultsRepository)
    place = repository.save(a_result())
    assert repository.load(place) == a_result()
    assert repository.save(a_result()) != place
