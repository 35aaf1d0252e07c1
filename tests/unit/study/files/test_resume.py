"""Which folder is continued."""

from __future__ import annotations

import shutil

import pytest

from a_study import a_protocol
from fakes_study import a_study_config
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.design import design_of
from llenergymeasure.study.files.manifest import Manifest, write_manifest
from llenergymeasure.study.files.resume import newest_folder, read_config

DESIGN = design_of(a_study_config(1, 8))


def a_folder(base, name, started_at, design_hash=DESIGN.design_hash):
    folder = base / name
    folder.mkdir()
    write_manifest(
        Manifest(study_id=name, design_hash=design_hash, started_at=started_at, protocol=a_protocol(), runs=()), folder
    )
    return folder


def test_the_newest_folder_of_the_design_is_found_by_its_time_and_not_by_its_name(tmp_path):
    newest = a_folder(tmp_path, "a", "2026-01-02T00:00:00")
    a_folder(tmp_path, "b", "2026-01-01T00:00:00")
    a_folder(tmp_path, "c", "2026-01-03T00:00:00", design_hash="0" * 16)
    assert newest_folder(tmp_path, DESIGN) == newest


def test_damaged_and_incomplete_folders_do_not_matter(tmp_path):
    whole = a_folder(tmp_path, "whole", "2026-01-01T00:00:00")
    a_folder(tmp_path, ".half.partial-00000000-1-0", "2026-01-02T00:00:00")
    damaged = a_folder(tmp_path, "damaged", "2026-01-03T00:00:00")
    (damaged / "manifest.json").write_text("{")
    (tmp_path / "a result").mkdir()
    assert newest_folder(tmp_path, DESIGN) == whole


def test_without_one_the_message_names_the_directory(tmp_path):
    with pytest.raises(ConfigError, match=r"no study of this design \(hash [0-9a-f]{16}\) in "):
        newest_folder(tmp_path / "results", DESIGN)


def test_a_configuration_is_read_back_with_the_same_design(tmp_path):
    config = a_study_config(1, 8)
    (tmp_path / "resolved.json").write_text(config.model_dump_json())
    assert design_of(read_config(tmp_path)) == DESIGN
    shutil.rmtree(tmp_path)
    with pytest.raises(ConfigError, match=r"resolved\.json"):
        read_config(tmp_path)
