"""The command line and the library as a user meets them: processes of their own, an empty directory, an empty HOME.

Processes are forked from one with torch, unless a test checks the start of a process.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from a_result import a_result
from forked import Forker
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


def start(place: Path, *command: str, python: str = sys.executable) -> subprocess.Popen[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "LLEM_", "HF_"))}
    # On a busy machine several threads wait for one another far longer than they work.
    environ |= {"HOME": str(place / "home"), "TMPDIR": str(place), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [python, *command], cwd=place / "work", env=environ, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=240)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.fixture
def llem(quick: Forker, place: Path) -> Callable[..., tuple[int, str, str]]:
    """`llem` with these arguments: exit code, output, errors."""
    return lambda *arguments: ended(start(place, "-m", "llenergymeasure", *arguments, python=quick.python))


def everything_in(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def test_a_run_prints_a_summary_and_writes_one_folder_and_nothing_else(place):
    """From the first line of the interpreter on."""
    code, out, err = ended(start(place, "-m", "llenergymeasure", "run", *TINY, *NO_ENERGY))
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


def test_a_result_is_repeated_with_the_same_configuration(llem, place):
    assert llem("run", *TINY, *NO_ENERGY, "-o", "first")[0] == 0
    (first,) = (place / "work" / "first").iterdir()
    code, out, err = llem("run", "--from-result", f"first/{first.name}", "-o", "second", "--json")
    assert code == 0, err
    (second,) = (place / "work" / "second").iterdir()
    hashes = {ExperimentResult.from_json(each / "result.json").measurement_config_hash for each in (first, second)}
    assert hashes == {json.loads(out)["measurement_config_hash"]}
    assert f"compare with: llem compare first/{first.name} second/{second.name}" in err


def test_json_is_one_document_alone_on_stdout(llem, place):
    code, out, err = llem(
        "run", str(ROOT / "examples" / "quickstart.yaml"), "--set", "n=4", *QUICK[2:], "--json", "--quiet"
    )
    assert code == 0, err
    data = json.loads(out)
    assert data["n_prompts"] == 4
    assert err == ""
    text = next((place / "work" / "results").rglob("result.json")).read_text()
    assert json.loads(text) == data
    if find_spec("codecarbon") is None and data["energy_total_j"] is None:
        assert data["energy"]["reason"]
    else:
        assert data["energy_total_j"] > 0
        assert data["energy_method"] in ("estimated", "sampled", "counter")


def test_codecarbon_s_memory_is_modelled_and_not_in_the_total(llem):
    pytest.importorskip("codecarbon")
    code, out, err = llem("run", *TINY, "--set", "energy.backend=codecarbon", "--json", "--quiet")
    assert code == 0, err
    (ram,) = [domain for domain in json.loads(out)["energy"]["domains"] if domain["name"] == "ram"]
    assert (ram["included"], ram["provenance"]) == (False, "modelled")


def test_without_energy_no_number_of_energy_is_there(llem, place):
    code, out, err = llem("run", *TINY, *NO_ENERGY, "--json", "--export-csv", "--report")
    assert code == 0, err
    data = json.loads(out)
    energies = {
        name: data[name] for name in data if "energy_" in name and name not in ("energy_breakdown", "phase_energy")
    }
    assert "energy_total_j" in energies
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


@pytest.mark.slow
def test_the_library_writes_nothing_by_default(place):
    assert ended(start(place, "-c", LIBRARY)) == (0, "", "")
    assert everything_in(place / "work") == []
    assert everything_in(place / "home") == []


FULL_DISK = """
import resource, runpy
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
runpy.run_module("llenergymeasure", run_name="__main__", alter_sys=True)
"""


def test_a_full_disk_loses_no_number_and_leaves_only_what_was_there(quick, place):
    earlier = a_result().save(place / "work" / "results")
    before, content = everything_in(place / "work"), earlier.read_bytes()
    command = ("-c", FULL_DISK, "run", *TINY, *NO_ENERGY, "--export-csv")
    code, out, err = ended(start(place, *command, python=quick.python))
    assert code == 1, err
    assert err.splitlines()[-1].endswith("the disk is full; free some space or choose another --output")
    assert out.startswith("model ")
    assert "throughput" in out
    assert everything_in(place / "work") == before
    assert earlier.read_bytes() == content


@pytest.fixture
def running(quick: Forker, place: Path) -> Iterator[subprocess.Popen[str]]:
    """A run of minutes that has begun."""
    command = ["run", "--model", "builtin/tiny-llama", "-n", "500", *NO_ENERGY, *QUICK]
    process = start(place, "-m", "llenergymeasure", *command, python=quick.python)
    states = place / "work" / "results" / ".llem-state"
    assert until(lambda: any('"measuring"' in path.read_text() for path in states.glob("*.json")), 120)
    yield process
    process.kill()
    process.communicate()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_with_130_one_line_and_nothing_written(running, place, how):
    asked = time.monotonic()
    running.send_signal(how)
    code, out, err = ended(running)
    assert (code, out) == (130, "")
    assert time.monotonic() - asked < 20  # under a second on a quiet machine; others run tests beside this one
    assert err.splitlines()[-1].startswith("interrupted: ")
    assert "Traceback" not in err
    assert everything_in(place / "work") == []


def test_a_killed_run_leaves_no_result_and_the_next_run_reports_it(running, llem, place):
    running.kill()
    running.wait()
    left = [name for name in everything_in(place / "work") if not name.startswith("results/.llem-state/")]
    assert left == ["results", "results/.llem-state"]
    code, _, err = llem("run", *TINY, *NO_ENERGY)
    assert code == 0, err
    assert "was killed before it had a result" in err


def test_a_study_keeps_the_good_runs_and_names_the_failed(llem, place):
    (place / "work" / "study.yaml").write_text(
        "model: builtin/tiny-llama\nmax_output_tokens: 4\nmax_input_tokens: 16\n"
        "energy: {backend: null}\nbaseline: {enabled: false}\nwarmup: {n_warmup: 1, thermal_floor_seconds: 0}\n"
        "experiments:\n  - {n: 2}\n  - {n: 2, decoder: {decoding_strategy: beam, num_beams: 1000000000}}\n  - {n: 3}\n"
        "execution: {n_cycles: 1, isolation: none, experiment_gap_seconds: 0, cycle_order: interleaved}\n"
    )
    code, out, err = llem("run", "study.yaml", "--json", "--quiet")
    assert code == 1, err
    runs = json.loads(out)["runs"]
    assert [run["state"] for run in runs] == ["completed", "failed", "completed"]
    assert [run["values"].get("n_prompts") for run in runs] == [2, None, 3]
    assert "ran out of memory" in runs[1]["failure"]["message"]
    (folder,) = (place / "work" / "results").iterdir()
    assert sorted(path.name for path in (folder / "runs").glob("*/result.json")) == ["result.json"] * 2
