"""Reports and comparisons as a user meets them: run a study, look at its page, compare two of its runs."""

from __future__ import annotations

import csv
import json
import os
import subprocess
from pathlib import Path

import pytest

from a_page import Page, is_passive
from forked import Forker
from small_study import small_study

pytestmark = pytest.mark.torch
pytest.importorskip("torch")
pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def llem(quick: Forker, tmp_path_factory):
    """`llem` in one working directory: exit code, output, errors."""
    place = tmp_path_factory.mktemp("reports")
    (place / "home").mkdir()
    (place / "study.yaml").write_text(small_study("none"))

    def run(*arguments: str) -> tuple[int, str, str]:
        environ = {**os.environ, "HOME": str(place / "home"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [quick.python, "-m", "llenergymeasure", *arguments], cwd=place, env=environ, text=True, capture_output=True,
            timeout=300, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    run.place = place
    return run


@pytest.fixture(scope="module")
def folder(llem) -> Path:
    code, _, err = llem("run", "study.yaml", "--report", "-o", "results")
    assert code == 0, err
    assert err.splitlines()[-1].endswith("report.html")
    (found,) = (llem.place / "results").glob("sizes_*")
    return found


def test_a_run_with_report_leaves_page_figures_and_tables(folder):
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert is_passive(page)
    assert json.loads((folder / "study.json").read_text())["summary"] in page.text
    assert "sweep: {pytorch.batch_size: [1, 2]}" in page.text
    assert all((folder / link).is_file() for link in page.values("href"))
    with (folder / "runs.csv").open(encoding="utf-8") as file:
        assert [row["pytorch.batch_size"] for row in csv.DictReader(file)].count("2") == 2


def test_report_and_compare_of_stored_results(llem, folder):
    first, second = sorted(path.parent.relative_to(llem.place) for path in folder.glob("runs/*.c1/result.json"))
    code, out, err = llem("report", str(first))
    assert (code, out, err) == (0, f"report: {first / 'report.html'}\n", "")
    code, out, err = llem("compare", str(first), str(second))
    assert code == 0, err
    assert "pytorch.batch_size: 1 -> 2" in out
    assert "throughput" in out
    code, out, err = llem("compare", str(folder), str(folder), "--json")
    assert code == 0, err
    assert json.loads(out)["comparisons"][0]["machines"] == "same_cpu_model"


def test_a_bad_folder_is_one_line(llem):
    for command in (["report", "nowhere"], ["compare", "nowhere", "elsewhere"]):
        code, out, err = llem(*command)
        assert (code, out) == (2, "")
        assert (
            err == "error: nowhere does not exist; name the folder of a result or of a study, as `llem run` prints it\n"
        )
