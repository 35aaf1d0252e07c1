"""A result as a folder: whole, and never overwritten."""

from __future__ import annotations

import threading

from a_result import a_result, a_timeseries
from llenergymeasure import ExperimentResult
from llenergymeasure.domain.files.folder import folder_name, save


def test_a_folder_contains_the_result_the_time_series_and_further_files(tmp_path):
    path = save(a_result(timeseries=a_timeseries()), tmp_path, {"notes.txt": "fan off"})
    assert sorted(each.name for each in path.parent.iterdir()) == ["notes.txt", "result.json", "timeseries.parquet"]
    assert (path.parent / "notes.txt").read_text() == "fan off"


def test_a_round_trip_through_a_folder_keeps_the_time_series(tmp_path):
    result = a_result(timeseries=a_timeseries())
    back = ExperimentResult.from_json(result.save(tmp_path))
    assert back.timeseries == result.timeseries
    assert back.timeseries_file == "timeseries.parquet"


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
    assert all(ExperimentResult.from_json(place) == a_result() for place in places)
