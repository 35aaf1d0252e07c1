"""Studies as a user meets them: processes of their own, an empty directory, an empty HOME."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from forked import Forker
from llenergymeasure import StudyResult
from small_study import small_study
from waiting import children, is_alive, until

pytestmark = pytest.mark.torch
pytest.importorskip("torch")


@pytest.fixture
def place(tmp_path):
    """A working directory with a study, and an empty HOME."""
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "study.yaml").write_text(small_study("none"))
    (tmp_path / "work" / "fresh.yaml").write_text(small_study("process"))
    return tmp_path


def start(place: Path, *arguments: str, python: str = sys.executable) -> subprocess.Popen[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "LLEM_", "HF_"))}
    environ |= {"HOME": str(place / "home"), "TMPDIR": str(place), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [python, "-m", "llenergymeasure", *arguments], cwd=place / "work", env=environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=240)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.fixture
def llem(quick: Forker, place: Path):
    """`llem` with these arguments: exit code, output, errors."""
    return lambda *arguments: ended(start(place, *arguments, python=quick.python))


def the_folder(place):
    (folder,) = (path for path in (place / "work" / "results").iterdir() if not path.name.startswith("."))
    return folder


def test_a_study_prints_a_line_per_run_and_its_answer(llem, place):
    code, out, err = llem("run", "study.yaml")
    assert code == 0, err
    assert out.startswith("cell  batch size  runs")
    assert "\n\nEnergy was not measured, so this is about throughput. " in out
    assert "2 cells in 2 cycles: 4 of 4 runs have a result" in out
    lines = err.splitlines()
    runs = [line for line in lines if re.search(r" run \d of 4(, .* left)?: batch_size ", line)]
    assert len(runs) == 4
    assert all(line[:4].isdigit() and line[10] == "T" for line in runs)  # the time, as there is no terminal
    assert sum("cpu_inference" in line for line in lines) == 1
    assert lines[-1].endswith(f"saved: results/{the_folder(place).name}")


def test_quiet_and_json_leave_one_document(llem, place):
    code, out, err = llem("run", "study.yaml", "--json", "--quiet", "--cycles", "1")
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads((the_folder(place) / "study.json").read_text())


def test_a_study_on_the_command_line_without_a_file(llem, place):
    options = ["-n", "1", "--set", "max_output_tokens=2", "--set", "max_input_tokens=4", "--set", "energy.backend=null"]
    quick = ["--set", "baseline.enabled=false", "--set", "warmup.enabled=false", "--set", "execution.isolation=none"]
    code, out, err = llem(
        "run", "-m", "builtin/tiny-llama", "--sweep", "precision=fp32,bf16", "--no-gaps", "--cycles", "1", "--order",
        "sequential", "--seed", "5", "--json", *options, *quick,
    )  # fmt: skip
    assert code == 0, err
    protocol = json.loads(out)["protocol"]
    assert (protocol["n_cycles"], protocol["order"], protocol["seed"]) == (1, "sequential", 5)
    assert (protocol["experiment_gap_s"], protocol["cycle_gap_s"]) == (0, 0)
    given = json.loads((the_folder(place) / "study.yaml").read_text())
    assert [cell["precision"] for cell in given["experiments"]] == ["fp32", "bf16"]


def test_cycles_are_added_by_file_and_by_folder(llem, place):
    assert llem("run", "study.yaml", "--cycles", "1")[0] == 0
    code, _, err = llem("run", "study.yaml", "--cycles", "2", "--resume")
    assert code == 0, err
    assert "2 cells, 4 runs, 2 of them left" in err
    code, _, err = llem("run", "--resume", str(the_folder(place)), "--cycles", "3")
    assert code == 0, err
    assert "2 cells, 6 runs, 2 of them left" in err
    code, _, err = llem("run", "--resume", str(the_folder(place)), "--cycles", "2")
    assert (code, "has 3 cycles, and 2 was requested; cycles can only be added" in err) == (2, True)
    code, _, err = llem("run", "--resume", str(the_folder(place)), "--output", "other")
    assert (code, "is continued in its own folder, which is not in other" in err) == (2, True)
    assert not (place / "work" / "other").exists()
    assert len(StudyResult.from_dir(the_folder(place)).results) == 6


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["study.yaml", "--resume"], "there is no study of this design"),
        (["study.yaml", "elsewhere"], "'elsewhere' is a second argument; write --resume before the folder"),
        (["--resume", "results"], "results/resolved.json"),
        (["--resume", "none"], "none"),
        (["study.yaml", "--order", "random"], "execution.cycle_order"),
        (["study.yaml", "--cycles", "0"], "execution.n_cycles"),
        (["study.yaml", "--sweep", "precision"], "is not KEY=V1,V2"),
    ],
)
def test_wrong_options_are_one_message_and_nothing_is_written(llem, place, arguments, words):
    (place / "work" / "results").mkdir()
    code, out, err = llem("run", *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert list((place / "work" / "results").iterdir()) == []


def test_another_study_in_the_folder_is_refused_with_the_fields_that_differ(llem, place):
    assert llem("run", "study.yaml", "--cycles", "1")[0] == 0
    code, _, err = llem("run", "study.yaml", "--set", "n=3", "--resume", str(the_folder(place)))
    assert code == 2
    assert "n is 2 there and 3 in the configuration" in err


LONG = ["--set", "n=500", "--set", "max_output_tokens=64"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_with_130_and_the_line_that_continues(quick, place, how):
    process = start(place, "run", "study.yaml", "--cycles", "1", "--no-gaps", *LONG, python=quick.python)
    journals = place / "work" / "results"
    assert until(lambda: any("running" in path.read_text() for path in journals.glob("*/journal.jsonl")), 120)
    process.send_signal(how)
    code, out, err = ended(process)
    assert (code, out) == (130, "")
    folder = the_folder(place)
    assert f"continue with: llem run --resume results/{folder.name} --no-gaps\n" in err
    assert "Traceback" not in err
    assert [row.state for row in StudyResult.from_dir(folder).runs] == ["interrupted", "pending"]


@pytest.mark.slow
@pytest.mark.parametrize("pause_s", [0.002, 0.1])
def test_ctrl_c_that_is_held_down_leaves_a_whole_study(place, pause_s):
    process = start(place, "run", "study.yaml", "--cycles", "1", *LONG)
    journals = place / "work" / "results"
    assert until(lambda: any("running" in path.read_text() for path in journals.glob("*/journal.jsonl")), 120)
    end_s = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end_s:
        process.send_signal(signal.SIGINT)
        time.sleep(pause_s)
    code, _, err = ended(process)
    assert code == 130
    assert "Traceback" not in err
    assert f"continue with: llem run --resume results/{the_folder(place).name}" in err
    assert [row.state for row in StudyResult.from_dir(the_folder(place)).runs] == ["interrupted", "pending"]


def test_a_study_from_a_pipe_keeps_its_text(quick, place):
    text = (place / "work" / "study.yaml").read_text()
    os.mkfifo(place / "work" / "pipe")
    process = start(place, "run", "pipe", "--cycles", "1", python=quick.python)
    (place / "work" / "pipe").write_text(text)
    code, _, err = ended(process)
    assert code == 0, err
    assert (the_folder(place) / "study.yaml").read_text() == text


def test_the_dry_run_of_a_study(llem, place):
    code, out, err = llem("run", "study.yaml", "--dry-run", "--set", "execution.experiment_gap_seconds=60")
    assert code == 0, err
    assert "pytorch.batch_size: 1, 2" in out
    assert "4 runs: 2 cycles, order shuffled, seed " in out
    assert "waits: 2 min (between runs 2 min, between cycles 0 s, between warm-up and window 0 s)" in out
    assert "--no-gaps saves 2 min" in out
    assert "windows of 4 runs: one pass over the prompts" in out
    assert not (place / "work" / "results").exists()
    plan = json.loads(llem("run", "study.yaml", "--dry-run", "--json")[1])
    assert (plan["windows_s"], plan["n_single_passes"]) == (0, 4)
    assert (
        "windows: at least 4 min together"
        in llem("run", "study.yaml", "--dry-run", "--set", "min_duration_seconds=60")[1]
    )
    assert (plan["n_runs"], len(plan["cells"]), set(plan["detectable"])) == (4, 2, {"0.01", "0.03", "0.1"})


@pytest.mark.slow
def test_a_killed_run_is_a_row_with_its_last_lines_and_the_others_go_on(place):
    process = start(place, "run", "fresh.yaml", "--json", "--set", "n=20", "--set", "max_output_tokens=64")
    earlier = set()

    def has_a_result():
        earlier.update(children_of_servers(process.pid))
        return any(place.glob("work/results/*/runs/*/result.json"))

    def another_run_is_killed():
        later = filter(is_alive, set(children_of_servers(process.pid)) - earlier)
        return any(subprocess.run(["kill", "-KILL", str(pid)], check=False).returncode == 0 for pid in later)

    assert until(has_a_result, 120)
    assert until(another_run_is_killed, 60)
    code, out, err = ended(process)
    assert code == 1, err
    runs = json.loads(out)["runs"]
    assert [run["state"] for run in runs].count("failed") == 1
    (failure,) = [run["failure"] for run in runs if run["failure"]]
    assert failure["kind"] in ("killed", "out_of_memory")


def children_of_servers(pid: int) -> list[int]:
    """Processes that the fork server of a study has forked."""
    return [grandchild for child in children(pid) for grandchild in children(child)]


@pytest.mark.slow
def test_a_study_that_is_killed_at_random_moments_measures_nothing_twice_and_loses_nothing(place):
    chance = random.Random(13)
    process = start(place, "run", "fresh.yaml", "--cycles", "4", "--quiet")
    assert until(lambda: any((place / "work").glob("results/sizes_*/manifest.json")), 120)
    folder, table, done = the_folder(place), (the_folder(place) / "manifest.json").read_bytes(), {}
    for _ in range(5):
        time.sleep(chance.uniform(0.0, 8.0))
        left = descendants(process.pid)
        process.kill()
        process.communicate()
        assert until(partial(none_is_alive, left), 15), "processes outlived the study by 15 s"
        for path, content in done.items():
            assert path.read_bytes() == content, f"{path} was measured twice"
        done = {path: path.read_bytes() for path in folder.glob("runs/*/result.json")}
        assert run_table(folder) == run_table_of(table)
        process = start(place, "run", "--resume", str(folder), "--quiet")
    code, _, err = ended(process)
    assert code == 0, err
    study = StudyResult.from_dir(folder)
    assert len(study.results) == 8
    assert len({(row.cell, row.cycle) for row in study.runs}) == 8
    assert len(list(folder.glob("runs/*/result.json"))) == 8


def run_table(folder):
    return run_table_of((folder / "manifest.json").read_bytes())


def run_table_of(manifest):
    return json.loads(manifest)["runs"]


def descendants(pid: int) -> list[int]:
    found = children(pid)
    return found + [each for child in found for each in descendants(child)]


def none_is_alive(pids: list[int]) -> bool:
    return not any(map(is_alive, pids))


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system")
def test_a_full_disk_stops_the_study_before_a_run_and_it_continues_when_there_is_space(place):
    disk = place / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=9m", "none", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this container may not mount a file system")
    try:
        code, _, err = ended(start(place, "run", "fresh.yaml", "--cycles", "1", "--output", str(disk)))
        assert code == 0, err
        (folder,) = disk.iterdir()
        filler = disk / "filler"
        filler.write_bytes(b"x" * 3_000_000)
        code, _, err = ended(start(place, "run", "--resume", str(folder), "--cycles", "2"))
        assert code == 1
        assert "the disk is full" in err
        assert len(list(folder.glob("runs/*/result.json"))) == 2
        filler.unlink()
        code, _, err = ended(start(place, "run", "--resume", str(folder), "--cycles", "2"))
        assert code == 0, err
        assert len(StudyResult.from_dir(folder).results) == 4
    finally:
        subprocess.run(["umount", str(disk)], check=False)
