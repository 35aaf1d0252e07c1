"""The command line and the library as a user meets them: processes of their own, an empty directory, an empty HOME."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llenergymeasure import ExperimentResult
from waiting import until

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[2]
QUICK = ["--set", "baseline.enabled=false", "--set", "warmup.thermal_floor_seconds=0", "--set", "warmup.n_warmup=1"]
TINY = [
    "--model",
    "builtin/tiny-llama",
    "-n",
    "4",
    "--set",
    "max_output_tokens=8",
    "--set",
    "max_input_tokens=32",
    *QUICK,
]
NO_ENERGY = ["--set", "energy.backend=null"]


@pytest.fixture
def place(tmp_path):
    """An empty working directory and an empty HOME."""
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    return tmp_path


def start(place: Path, *command: str) -> subprocess.Popen[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "LLEM_", "HF_"))}
    # On a busy machine several threads wait for one another far longer than they work.
    environ |= {"HOME": str(place / "home"), "TMPDIR": str(place), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, *command], cwd=place / "work", env=environ, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def llem(place: Path, *arguments: str) -> tuple[int, str, str]:
    process = start(place, "-m", "llenergymeasure", *arguments)
    try:
        out, err = process.communicate(timeout=240)
    finally:
        process.kill()
    return process.returncode, out, err


def everything_in(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def test_a_run_prints_a_summary_and_writes_one_folder_and_nothing_else(place):
    code, out, err = llem(place, "run", *TINY, *NO_ENERGY)
    assert code == 0, err
    assert out.startswith("model ")
    assert "not measured (energy.backend is null" in out
    assert all(character == "\n" or character.isprintable() for character in out)
    assert "running on the CPU" in err
    folder, file = everything_in(place / "work" / "results")
    assert file == f"{folder}/result.json"
    assert everything_in(place / "home") == []
    result = ExperimentResult.from_json(place / "work" / "results" / file)
    assert (result.n_prompts, result.output_tokens, result.energy_total_j) == (4, 32, None)
    assert result.summary() + "\n" == out


def test_json_is_one_document_alone_on_stdout(place):
    code, out, err = llem(
        place, "run", str(ROOT / "examples" / "quickstart.yaml"), "--set", "n=4", *QUICK[2:], "--json", "--quiet"
    )
    assert code == 0, err
    data = json.loads(out)
    assert data["n_prompts"] == 4
    assert err == ""
    text = next((place / "work" / "results").rglob("result.json")).read_text()
    assert json.loads(text) == data
    if data["energy_total_j"] is not None:  # where CodeCarbon is installed
        assert data["energy_method"] in ("estimated", "sampled", "counter")
    ram = [domain for domain in data["energy"]["domains"] if domain["name"] == "ram"]
    assert all(domain["included"] is False and domain["provenance"] == "modelled" for domain in ram)


def test_without_energy_no_number_of_energy_is_there(place):
    code, out, err = llem(place, "run", *TINY, *NO_ENERGY, "--json", "--export-csv", "--report")
    assert code == 0, err
    data = json.loads(out)
    energies = {
        name: data[name] for name in data if "energy_" in name and name not in ("energy_breakdown", "phase_energy")
    }
    assert set(energies.values()) == {None}
    assert data["energy"]["energy_j"] is None
    assert data["baseline_power_w"] is None
    assert set(everything_in(next((place / "work" / "results").iterdir()))) == {
        "report.html",
        "result.csv",
        "result.json",
    }
    assert err.splitlines()[-1].endswith("result.json, beside it report.html, result.csv")


LIBRARY = """
import llenergymeasure
result = llenergymeasure.run_experiment(
    model="builtin/tiny-llama", n=2, max_output_tokens=4, max_input_tokens=16, energy={"backend": "null"},
    baseline={"enabled": False}, warmup={"n_warmup": 1, "thermal_floor_seconds": 0}, pytorch={"device": "cpu"},
)
assert result.output_tokens == 8, result.output_tokens
assert result.flops_exact > 0
"""


def test_the_library_writes_nothing_unasked(place):
    process = start(place, "-c", LIBRARY)
    out, err = process.communicate(timeout=240)
    assert (process.returncode, out, err) == (0, "", "")
    assert everything_in(place / "work") == []
    assert everything_in(place / "home") == []


FULL_DISK = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
runpy.run_module("llenergymeasure", run_name="__main__", alter_sys=True)
"""


def test_a_full_disk_loses_no_number_and_leaves_nothing_behind(place):
    process = start(place, "-c", FULL_DISK, "run", *TINY, *NO_ENERGY)
    out, err = process.communicate(timeout=240)
    assert process.returncode == 1, err
    assert "the disk is full; free some space" in err.splitlines()[-1]
    assert "throughput" in out
    assert everything_in(place / "work") == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_with_130_one_line_and_nothing_written(place, how):
    process = start(
        place, "-m", "llenergymeasure", "run", "--model", "builtin/tiny-llama", "-n", "500", *NO_ENERGY, *QUICK
    )
    time.sleep(7.0)
    asked = time.monotonic()
    process.send_signal(how)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert time.monotonic() - asked < 20  # under a second on a quiet machine; others run tests beside this one
    assert err.splitlines()[-1].startswith("interrupted: ")
    assert "Traceback" not in err
    assert out == ""
    assert everything_in(place / "work") == []


def test_a_killed_run_leaves_no_result_and_no_child_and_the_next_run_says_so(place):
    long = ["--model", "builtin/tiny-llama", "--set", "max_input_tokens=32", *NO_ENERGY, *QUICK]
    process = start(place, "-m", "llenergymeasure", "run", *long, "-n", "500")
    while process.poll() is None and not list((place / "work").glob("results/.llem-state/*.json")):
        time.sleep(0.1)
    time.sleep(5.0)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.communicate(timeout=30)
    assert [name for name in everything_in(place / "work") if not name.startswith("results/.llem-state/")] == [
        "results",
        "results/.llem-state",
    ]
    assert until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    code, _, err = llem(place, "run", *TINY, *NO_ENERGY)
    assert code == 0, err
    assert "was killed before it had a result" in err


def test_a_list_of_experiments_keeps_the_good_ones_and_names_the_failed(place):
    (place / "work" / "study.yaml").write_text(
        "base:\n  model: builtin/tiny-llama\n  max_output_tokens: 4\n  max_input_tokens: 16\n"
        "  energy: {backend: null}\n  baseline: {enabled: false}\n  warmup: {n_warmup: 1, thermal_floor_seconds: 0}\n"
        "experiments:\n  - {n: 2}\n  - {n: 5000}\n  - {n: 3}\n"
    )
    code, out, err = llem(place, "run", "study.yaml", "--json", "--quiet")
    assert code == 1
    assert [result["n_prompts"] for result in json.loads(out)["results"]] == [2, 3]
    assert "1 of 3 experiments failed" in err
    assert "n is 5000" in err
    assert len(list((place / "work" / "results").iterdir())) == 2
