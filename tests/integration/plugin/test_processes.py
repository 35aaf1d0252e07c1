"""Runs in separate processes: interrupted runs, a second look, and the example suite as in the docs.

They are forked: torch is there at once.
"""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path

import pytest

from tiny import TINY

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "suite"

pytestmark = pytest.mark.torch

THREE = f"""
import pytest
TINY = {TINY!r}

@pytest.mark.llem(TINY)
def test_first(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY, repeats=100000)
def test_second(llm_experiment):
    llm_experiment()

@pytest.mark.llem(TINY)
def test_third(llm_experiment):
    llm_experiment()
"""

ONE = f"""
import pytest

@pytest.mark.llem({TINY!r}, fail_on={{"cpu_seconds": "50%"}})
def test_it(llm_experiment):
    llm_experiment()
"""


def test_ctrl_c_in_the_second_of_three_keeps_the_first_and_reports_an_incomplete_run(start, tmp_path):
    (tmp_path / "test_three.py").write_text(THREE)
    kept = tmp_path / "llem-baselines" / "kept.json"
    kept.parent.mkdir()
    content = {"schema": 1, "hardware": {"cpu": "another"}, "simulated": False, "entries": {}}
    kept.write_text(json.dumps(content))
    before = kept.read_bytes()
    process = start(
        tmp_path, "--llem-energy=null", "--llem-fail-on=output_tokens:1%", "--llem-json=report.json", "--llem-update-baseline=new",
        "-o", "llem_repeats=3",
    )  # fmt: skip
    deadline_s = time.monotonic() + 240
    while not list(tmp_path.glob(".llem/*/*test_second-*.2.json")):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline_s
        time.sleep(0.05)
    asked_s = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert time.monotonic() - asked_s < 30  # under a second on a quiet machine; others run tests beside this one
    assert process.returncode == 2, out
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["complete"] is False
    assert [(test["test"], test["outcome"]) for test in report["tests"]] == [
        ("test_three.py::test_first", "passed"), ("test_three.py::test_second", None),
    ]  # fmt: skip
    assert len(list(tmp_path.glob(".llem/*/*test_first-*.json"))) == 3
    assert kept.read_bytes() == before
    assert [path.name for path in kept.parent.iterdir()] == ["kept.json"]


def test_a_regression_is_measured_again_in_a_fresh_process(start, tmp_path):
    """CPU seconds, compared with a baseline of a thousandth."""
    (tmp_path / "test_it.py").write_text(ONE)
    arguments = ("--llem-energy=null", "--llem-repeats=3")
    out, _ = (first := start(tmp_path, *arguments, "--llem-update-baseline=new")).communicate(timeout=240)
    assert first.returncode == 0, out
    (path,) = (tmp_path / "llem-baselines").glob("*.json")
    baseline = json.loads(path.read_text())
    ((entry,),) = [list(by_hash.values()) for by_hash in baseline["entries"].values()]
    samples = entry["sessions"][0]["samples"]
    samples["cpu_seconds"] = [value / 1000 for value in samples["cpu_seconds"]]
    path.write_text(json.dumps(baseline))
    out, _ = (second := start(tmp_path, *arguments)).communicate(timeout=240)
    assert second.returncode == 1, out
    assert "regression: cpu_seconds" in out
    assert "measured again in a fresh process: 3 more repeats, pooled" in out
    assert "Traceback" not in out


@pytest.fixture
def example(tmp_path):
    shutil.copytree(EXAMPLE, tmp_path / "suite")
    return tmp_path / "suite"


def test_the_example_suite_passes_against_its_committed_baseline(start, example):
    process = start(example, "--llem-strict")
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 0, out
    assert "4 passed" in out
    assert "3 ok, 0 not measured" in out


@pytest.mark.parametrize(
    ("recording", "exit_code", "counts"), [("recorded", 0, "3 ok"), ("regressed", 1, "3 regression")]
)
def test_its_recordings_pass_and_fail_as_the_docs_say(start, example, recording, exit_code, counts):
    process = start(example, f"--llem-energy=replay:{recording}.json", "--llem-fail-on=energy_per_output_token:5%")
    out, _ = process.communicate(timeout=240)
    assert process.returncode == exit_code, out
    assert counts in out
