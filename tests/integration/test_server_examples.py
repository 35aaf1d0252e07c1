"""The examples of servers: what they ask, that they are valid, and that a server that answers is measured as they say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from llenergymeasure import StudyResult
from llenergymeasure.config.study.load import load_study_config

SERVER = Path(__file__).resolve().parents[1] / "openai_server.py"
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


def with_a_small_server(name: str, tmp_path: Path, sweep: dict[str, list[float]]) -> Path:
    """The example with a server that has no model, and with less work."""
    fields = yaml.safe_load((EXAMPLES / "servers" / name).read_text(encoding="utf-8"))
    fields |= {
        "model": "nothing",
        "n": 8,
        "sweep": sweep,
        "baseline": {"enabled": False},
        "energy": {"backend": "null"},
    }
    fields["server"] = {"launch": [sys.executable, str(SERVER), "--port", "{port}"]}
    fields["execution"]["n_cycles"] = 2
    path = tmp_path / name
    path.write_text(json.dumps(fields))
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sweep"),
    [("rates.yaml", {"traffic.rate": [20, 40]}), ("concurrency.yaml", {"traffic.concurrency": [1, 4]})],
)
def test_a_study_over_traffic_has_a_curve_with_its_page(tmp_path, name, sweep):
    pytest.importorskip("matplotlib")
    path = with_a_small_server(name, tmp_path, sweep)
    command = [sys.executable, "-m", "llenergymeasure", "run", str(path), "--report"]
    done = subprocess.run(command, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = tmp_path.glob("results/*/study.json")
    study = StudyResult.from_dir(file.parent)
    (curve,) = study.curves
    (field, amounts), *_ = sweep.items()
    assert (curve.field, [point.traffic for point in curve.points]) == (field, amounts)
    assert curve.limits == yaml.safe_load((EXAMPLES / "servers" / name).read_text(encoding="utf-8"))["slo"]
    assert all(point.keeps and point.failed_share == 0 for point in curve.points)
    assert curve.highest == "02"
    assert study.answer in done.stdout
    assert (file.parent / "tables" / "curves.csv").is_file()
    assert (file.parent / "figures" / f"{field.rpartition('.')[2]}.svg").is_file()
    if field == "traffic.rate":
        the_study_is_kept_with_its_numbers(study, file.parent, tmp_path / "kept")


def the_study_is_kept_with_its_numbers(study: StudyResult, folder: Path, place: Path) -> None:
    """As `make rates` keeps it below docs/validation, where test_validation_studies.py compares the page with the study."""
    script = EXAMPLES.parent / "scripts" / "keep_rates.py"
    subprocess.run([sys.executable, str(script), str(folder), "--output", str(place)], check=True, env=dict(os.environ))
    page = (place / "README.md").read_text(encoding="utf-8")
    assert f"\n> {study.answer}\n" in page
    assert re.search(r"2 cells, 4 runs, \d+ minutes", " ".join(page.split()))
    assert "(4 of 4 are below 10 s)" in page
    assert (place / "tables" / "rate.md").read_text(encoding="utf-8").splitlines()[2] in page
    assert {path.name for path in place.iterdir()} >= {
        "report.html",
        "runs.csv",
        "study.json",
        "study.yaml",
        "figures",
        "tables",
    }
