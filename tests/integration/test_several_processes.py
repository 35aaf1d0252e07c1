"""Data-parallel experiments on the CPU, launched by us and by torchrun, and the end of one of their processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from llenergymeasure import ExperimentResult, run_experiment
from llenergymeasure.exceptions import ExperimentError
from ports import free_port
from waiting import until

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

SHORT = {
    "pytorch.device": "cpu", "pytorch.load_format": "dummy", "max_output_tokens": 8, "min_output_tokens": 8,
    "energy.backend": "null", "baseline.enabled": "false", "warmup.thermal_floor_seconds": 0, "warmup.n_warmup": 1,
}  # fmt: skip
LONG = {"n": 400, "max_output_tokens": 64, "min_output_tokens": 64}


def arguments(output, **changed):
    settings = {**SHORT, "n": 5, **{name.replace("__", "."): value for name, value in changed.items()}}
    assignments = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    return ["-m", "llenergymeasure", "run", "--model", "builtin/tiny-llama", "--output", str(output), *assignments]


def start(command, folder, **environ):
    """A process whose temporary files can be looked at."""
    (folder / "tmp").mkdir(exist_ok=True)
    return subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1", **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process, timeout=300):
    """What a process said; it does not outlive a test that waited in vain."""
    try:
        return process.communicate(timeout=timeout)
    finally:
        process.kill()


def measured(num_processes, **fields):
    return run_experiment(
        model="builtin/tiny-llama",
        n=5,
        max_output_tokens=8,
        min_output_tokens=8,
        energy={"backend": "null"},
        baseline={"enabled": False},
        warmup={"enabled": False},
        pytorch={"device": "cpu", "load_format": "dummy", "num_processes": num_processes},
        **fields,
    )


def result_in(output):
    (path,) = output.glob("*/result.json")
    return json.loads(path.read_text())


def workers(folder):
    """Process numbers of the ranks, by rank, as soon as all of them are measuring."""
    end_s = time.monotonic() + 200
    while time.monotonic() < end_s:
        beats = sorted((folder / "tmp").glob("llem-launch-*/rank-*.alive"))
        if len(beats) == 2 and all(beat.read_text() for beat in beats):
            return [int(beat.read_text()) for beat in beats]
        time.sleep(0.05)
    raise AssertionError("the processes did not come up")


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def nothing_is_left(folder, pids):
    return (
        until(lambda: all(map(is_gone, pids))) and not any((folder / "tmp").iterdir()) and not (folder / "out").exists()
    )


ONE_AND_TWO = """
from llenergymeasure import run_experiment
for number in (1, 2):
    run_experiment(
        model="builtin/tiny-llama", n=5, max_output_tokens=8, min_output_tokens=8, energy={"backend": "null"},
        baseline={"enabled": False}, warmup={"enabled": False},
        pytorch={"device": "cpu", "load_format": "dummy", "num_processes": number},
    ).to_json(f"{number}.json")
"""


def test_two_processes_give_one_result_with_the_tokens_of_one_and_write_nothing_by_default(quick, tmp_path):
    (tmp_path / "tmp").mkdir()
    quick.run(f"os.chdir({str(tmp_path)!r})\n{ONE_AND_TWO}", {"TMPDIR": str(tmp_path / "tmp")}, 240)
    one, two = (ExperimentResult.from_json(tmp_path / f"{number}.json") for number in (1, 2))
    assert [part["rank"] for part in two.process_results] == [0, 1]
    assert [part["n_prompts"] for part in two.process_results] == [3, 2]
    for name in ("output_tokens", "input_tokens", "n_prompts"):
        assert getattr(two, name) == getattr(one, name)
    assert two.tokens.output_tokens_per_prompt == one.tokens.output_tokens_per_prompt
    assert two.flops_total == one.flops_total
    assert two.tokens_per_second == pytest.approx(two.output_tokens / two.duration_sec)
    start_s, end_s = zip(*(part["window_utc"] for part in two.process_results))
    assert two.duration_sec == pytest.approx(max(end_s) - min(start_s), abs=1e-5)
    left = {entry.name for entry in tmp_path.rglob("*") if not entry.name.startswith("torchinductor_")}
    assert left == {"tmp", "1.json", "2.json"}


@pytest.mark.slow
def test_ranks_without_memory_report_it_with_the_fix():
    beams = {"decoding_strategy": "beam", "num_beams": 10**9}
    with pytest.raises(ExperimentError, match=r"rank \d failed: .*ran out of memory.*lower pytorch.batch_size"):
        measured(num_processes=2, decoder=beams)


@pytest.mark.slow
def test_a_rank_that_fails_has_the_reason():
    with pytest.raises(ExperimentError, match=r"rank \d failed: .*no_such_argument") as caught:
        measured(num_processes=2, passthrough_kwargs={"no_such_argument": 1})
    assert "Traceback" not in str(caught.value)


@pytest.mark.slow
def test_torchrun_measures_with_the_processes_that_it_started(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    run = start([*command, *arguments(tmp_path / "out")], tmp_path)
    shown, said = ended(run)
    assert run.returncode == 0, said
    assert shown.count("5 prompts in batches") == 1
    assert result_in(tmp_path / "out")["n_prompts"] == 5
    assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.slow
def test_two_nodes_are_one_experiment(tmp_path):
    rendezvous = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{free_port()}", "--rdzv-id", "it"]
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1", *rendezvous]
    nodes = [start([*launcher, "--node-rank", str(node), *arguments(tmp_path / "out")], tmp_path) for node in range(2)]
    said = [ended(node) for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], said
    assert len(result_in(tmp_path / "out")["process_results"]) == 2


@pytest.mark.slow
@pytest.mark.parametrize(("number", "words"), [(signal.SIGKILL, "rank 1 exited without an error message")])
def test_a_rank_that_is_killed_is_named_and_no_process_or_file_is_left(tmp_path, number, words):
    run = start([sys.executable, *arguments(tmp_path / "out", pytorch__num_processes=2, **LONG)], tmp_path)
    pids = workers(tmp_path)
    time.sleep(1.0)
    os.kill(pids[1], number)
    _, said = ended(run, 60)
    assert run.returncode == 1
    assert words in said
    assert nothing_is_left(tmp_path, pids)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_reaches_every_rank_soon(tmp_path, number):
    run = start([sys.executable, *arguments(tmp_path / "out", pytorch__num_processes=2, **LONG)], tmp_path)
    pids = workers(tmp_path)
    start_s = time.monotonic()
    run.send_signal(number)
    _, said = ended(run, 60)
    assert time.monotonic() - start_s < 20  # under a second on a quiet machine; others run tests beside this one
    assert run.returncode == 130
    assert said.strip().splitlines()[-1].startswith("interrupted: ")
    assert nothing_is_left(tmp_path, pids)


@pytest.mark.slow
def test_ranks_do_not_outlive_a_starter_that_was_killed(tmp_path):
    run = start([sys.executable, *arguments(tmp_path / "out", pytorch__num_processes=2, **LONG)], tmp_path)
    pids = workers(tmp_path)
    run.kill()
    ended(run)
    assert until(lambda: all(map(is_gone, pids)) and not any((tmp_path / "tmp").iterdir()))
    assert not list((tmp_path / "out").glob("*/result.json"))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
def test_a_rank_that_does_not_answer_is_ended(tmp_path):
    run = start([sys.executable, *arguments(tmp_path / "out", pytorch__num_processes=2, **LONG)], tmp_path)
    pids = workers(tmp_path)
    os.kill(pids[0], signal.SIGSTOP)
    start_s = time.monotonic()
    _, said = ended(run, 60)
    assert time.monotonic() - start_s < 50
    assert run.returncode == 1
    assert "rank 0 did not answer for 20 s" in said
    assert nothing_is_left(tmp_path, pids)
