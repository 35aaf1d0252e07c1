"""Which folder is continued."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from a_study import a_protocol
from fakes_study import a_study_config
from llenergymeasure.domain.results import StudyResult
from llenergymeasure.exceptions import ConfigError
from llenergymeasure.study.design import design_of
from llenergymeasure.study.files.manifest import Manifest, read_manifest, write_manifest
from llenergymeasure.study.files.resume import check_requested, newest_folder, read_config

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


def a_huge(path):
    with path.open("wb") as file:
        file.truncate(600_000_000)  # takes no space on the disk


@pytest.mark.parametrize(
    "damage", [Path.unlink, lambda path: path.write_text("{"), lambda path: path.write_text("[]"), a_huge]
)
def test_a_file_that_cannot_be_read_is_named_with_the_fix(tmp_path, damage):
    folder = a_folder(tmp_path, "it has blanks", "2026-01-01T00:00:00")
    (folder / "resolved.json").write_text(a_study_config(1, 8).model_dump_json())
    (folder / "study.json").write_text("{}")
    for name in ("manifest.json", "resolved.json", "study.json"):
        damage(folder / name)
    with pytest.raises(ConfigError, match=r"manifest\.json .*; name the folder of a study; if this is one, restore it"):
        read_manifest(folder)
    with pytest.raises(ConfigError, match=r"resolved\.json .*; .* llem run FILE --resume '.*/it has blanks'"):
        read_config(folder)
    write_manifest(Manifest(study_id="x", design_hash="0" * 16, started_at="", protocol=a_protocol(), runs=()), folder)
    with pytest.raises(ConfigError, match=r"(study\.json|has not ended).*; llem run --resume '.*/it has blanks'"):
        StudyResult.from_dir(folder)


def test_a_configuration_is_read_back_with_the_same_design(tmp_path):
    config = a_study_config(1, 8)
    (tmp_path / "resolved.json").write_text(config.model_dump_json())
    assert design_of(read_config(tmp_path)) == DESIGN
    shutil.rmtree(tmp_path)
    with pytest.raises(ConfigError, match=r"resolved\.json"):
        read_config(tmp_path)


def test_a_setting_at_its_default_does_not_become_one_that_was_set(tmp_path):
    (tmp_path / "resolved.json").write_text(a_study_config(1, 8).model_dump_json())
    for config in read_config(tmp_path).experiments:
        assert "precision" not in config.model_fields_set
        assert "model" in config.model_fields_set


@pytest.mark.parametrize(
    ("field", "setting", "value", "message"),
    [
        ("n_cycles", "n_cycles", 1, "has 3 cycles, and 1 was requested; cycles can only be added"),
        ("cycle_order", "order", "sequential", "cycle_order is shuffled there, and sequential was requested"),
        ("shuffle_seed", "seed", 9, r"shuffle_seed is 7 there, and 9 was requested"),
        ("control", "control", True, "control is False there, and True was requested"),
    ],
)
def test_what_the_command_line_requests_and_the_run_table_cannot_follow_is_refused(
    tmp_path, field, setting, value, message
):
    folder = a_folder(tmp_path, "a", "2026-01-01T00:00:00")
    there = read_manifest(folder).protocol
    now = there.model_copy(update={setting: value})
    with pytest.raises(ConfigError, match=message):
        check_requested(folder, now, {f"execution.{field}"})
    check_requested(folder, now, ())
    check_requested(folder, there, {f"execution.{field}"})
