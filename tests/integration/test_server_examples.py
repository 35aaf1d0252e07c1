"""The examples of servers: what they ask, that they are valid, and that a server that answers is measured as they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from llenergymeasure.config.study.load import load_study_config

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FILES = sorted(path.name for path in (EXAMPLES / "servers").glob("*.yaml"))
PARTS = ("Question: ", "Time: ", "Needs: ")
CELLS = {"llama_cpp.yaml": 1, "running.yaml": 1, "rates.yaml": 4, "concurrency.yaml": 4, "two_servers.yaml": 8}


def test_every_example_is_tested_and_in_the_table():
    assert set(FILES) == CELLS.keys()
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| \[`servers/([\w.]+)`\]", table, re.MULTILINE)) == CELLS.keys()


@pytest.mark.parametrize("name", FILES)
def test_an_example_states_its_question_its_duration_and_its_needs(name):
    text = (EXAMPLES / "servers" / name).read_text(encoding="utf-8")
    for part in PARTS:
        assert re.search(rf"^# {part}\S.*[.?]", text, re.MULTILINE), part
    assert f"#   llem run examples/servers/{name}" in text


@pytest.mark.parametrize("name", FILES)
def test_an_example_is_valid_and_names_its_cells(name):
    study = load_study_config(EXAMPLES / "servers" / name)
    assert len(study.experiments) == CELLS[name]
    assert all(each.backend == "server" and each.slo is not None for each in study.experiments)


@pytest.mark.parametrize("name", ["llama_cpp.yaml", "rates.yaml", "concurrency.yaml"])
def test_the_program_of_the_server_is_beside_the_example(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    launch = load_study_config(EXAMPLES / "servers" / name).experiments[0].server_settings.launch
    assert launch is not None
    assert Path(str(launch[1])) == EXAMPLES / "servers" / "llama_cpp.py"
    assert Path(str(launch[1])).is_file()
