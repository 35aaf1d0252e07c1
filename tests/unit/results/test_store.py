"""The folders of a repository, and what comes into them when asked for."""

from __future__ import annotations

import json

import pytest

from a_result import a_result, a_timeseries
from fakes import MemoryRepository
from llenergymeasure.domain.files.serialise import json_text
from llenergymeasure.protocols import ResultsRepository
from llenergymeasure.results.store import FolderRepository


def test_not_measured_is_null_in_json_and_the_table_is_beside_it(tmp_path):
    path = FolderRepository(tmp_path, export_csv=True).save(a_result(energy_j=None)).path
    assert json.loads(path.read_text())["energy_total_j"] is None
    assert path.with_name("result.csv").read_text().startswith("measurement_config_hash,")


def test_only_requested_files_are_beside_a_result(tmp_path):
    path = FolderRepository(tmp_path).save(a_result()).path
    assert [each.name for each in path.parent.iterdir()] == ["result.json"]


@pytest.mark.parametrize("make", [FolderRepository, lambda path: MemoryRepository()], ids=["folder", "fake"])
def test_a_repository_gives_back_what_it_was_given(tmp_path, make):
    repository = make(tmp_path)
    assert isinstance(repository, ResultsRepository)
    saved = repository.save(a_result(timeseries=a_timeseries()))
    assert repository.load(saved.path) == saved.result
    assert repository.save(a_result()).path != saved.path


def test_what_was_saved_names_the_file_of_its_time_series(tmp_path):
    saved = FolderRepository(tmp_path).save(a_result(timeseries=a_timeseries()))
    assert saved.result.timeseries_file == "timeseries.parquet"
    assert json_text(saved.result) == saved.path.read_text()
