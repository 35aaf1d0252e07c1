"""`llem compare` on folders."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from a_result import a_result
from a_study import a_study
from llenergymeasure._api.compare import compared
from llenergymeasure.cli.app import app
from llenergymeasure.domain.files.study import write_study
from llenergymeasure.exceptions import ConfigError


@pytest.fixture
def folders(tmp_path):
    return [a_result(joules).save(tmp_path / name).parent for name, joules in (("a", 200.0), ("b", 100.0), ("c", 50.0))]


def test_each_folder_is_compared_with_the_first(folders):
    text = compared(folders, different_work=False, as_json=False)
    assert text.count("B over A\n") == 2
    assert "energy per output token" in text
    assert "0.500 (0.447 to 0.559)" in text


def test_the_same_as_json(folders):
    found = json.loads(compared(folders, different_work=False, as_json=True))["comparisons"]
    assert len(found) == 2
    assert found[0]["first"] == str(folders[0])  # both folders have the same name, so the output has their paths
    energy = next(each for each in found[1]["cells"][0]["metrics"] if each["metric"] == "energy_total_j")
    assert energy["ratio"]["value"] == pytest.approx(0.25)


def test_studies_without_their_results_are_compared_by_their_rows(tmp_path):
    for name in ("one", "two"):
        write_study(a_study(), tmp_path / name)
    text = compared([tmp_path / "one", tmp_path / "two"], different_work=False, as_json=False)
    assert text.startswith("A: one\nB: two\n")
    assert "It is not known whether they ran on the same machine" in text
    assert "1.000 (" in text


def test_one_folder_is_refused(folders):
    with pytest.raises(ConfigError, match="needs at least two folders; llem compare FOLDER FOLDER"):
        compared(folders[:1], different_work=False, as_json=False)


def test_the_command_line_ends_with_2_for_different_work_and_bad_folders(folders, tmp_path):
    other = a_result(max_input_tokens=64).save(tmp_path / "d").parent
    for arguments in ([folders[0], other], [folders[0], tmp_path / "absent"], [folders[0]]):
        result = CliRunner().invoke(app, ["compare", *map(str, arguments)])
        assert result.exit_code == 2
        assert result.stderr.startswith("error: ")
        assert result.stdout == ""
    allowed = CliRunner().invoke(app, ["compare", str(folders[0]), str(other), "--allow-different-work"])
    assert allowed.exit_code == 0
    assert "work that differs\n  max_input_tokens: 512 -> 64" in allowed.stdout


@pytest.mark.parametrize("name", ["loop", "x" * 300])
def test_a_folder_that_cannot_be_is_a_usage_error(folders, tmp_path, name):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ConfigError, match="does not exist"):
        compared([folders[0], tmp_path / name], different_work=False, as_json=False)
