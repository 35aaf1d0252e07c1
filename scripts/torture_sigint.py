"""Interrupts `llem` at random moments and checks the result: `python scripts/torture_sigint.py --runs 100`.

Each run has its own empty directory, HOME and TMPDIR. Half of the signals go to the process only, half to its group, like
Ctrl-C in a terminal. Run K of a seed is always the same, so a long series can be run in parts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

TINY = [
    "run", "--model", "builtin/tiny-llama", "-n", "2", "--set", "max_output_tokens=4", "--set", "max_input_tokens=16",
    "--set", "baseline.enabled=false", "--set", "warmup.thermal_floor_seconds=0", "--set", "warmup.n_warmup=1",
]  # fmt: skip
NO_ENERGY = ["--set", "energy.backend=null"]
STUDY = (Path(__file__).parents[1] / "tests" / "small_study.yaml").read_text(encoding="utf-8")
RUN_STUDY = ["run", "study.yaml"]
COMMANDS = {
    "run": [*TINY, *NO_ENERGY],
    "run --json --export-csv": [*TINY, *NO_ENERGY, "--json", "--export-csv"],
    "run, energy auto": TINY,
    "run, 2 processes": [*TINY, *NO_ENERGY, "--set", "pytorch.num_processes=2"],
    "run --dry-run": [*TINY, "--dry-run"],
    "config": ["config", "--verbose"],
}
STUDIES = {
    "study": RUN_STUDY,
    "study, spawn": [*RUN_STUDY, "--set", "execution.isolation=spawn"],
    "study, in one process": [*RUN_STUDY, "--set", "execution.isolation=none"],
    "study, with waits": [*RUN_STUDY, "--set", "execution.experiment_gap_seconds=1"],
    "study --json --report": [*RUN_STUDY, "--json", "--report"],
    "study --dry-run": [*RUN_STUDY, "--dry-run"],
}
# A server without a model, which llem starts, or which this script has started at a port.
SERVER = [sys.executable, str(Path(__file__).parents[1] / "tests" / "openai_server.py"), "--port"]
PORT = "18765"
SERVED = [
    "run", "--model", "nothing", "--backend", "server", "-n", "100", "--set", "max_output_tokens=16", *NO_ENERGY,
    "--set", "baseline.enabled=false", "--set", "warmup.thermal_floor_seconds=0",
]  # fmt: skip
LAUNCH = ["--set", f"server.launch={json.dumps([*SERVER, '{port}'])}"]
URL = ["--set", f"server.url=http://127.0.0.1:{PORT}/v1"]
RATE = ["--set", "traffic.mode=poisson", "--set", "traffic.rate=40"]
SERVERS = {
    "server, launched": [*SERVED, *LAUNCH, "--set", "traffic.concurrency=4"],
    "server, launched, a rate": [*SERVED, *LAUNCH, *RATE],
    "server, running": [*SERVED, *URL, "--set", "traffic.concurrency=16", "--json"],
    "server, running, a rate": [*SERVED, *URL, *RATE],
    "server, running, total": [*SERVED, *URL, "--set", "traffic.concurrency=4", "--set", "traffic.window=total"],
}
ALL = COMMANDS | STUDIES | SERVERS
MARK = "LLEM_TORTURE"
EXPECTED_STDERR = ("note: ", "saved: ")
DEAF_S = 40.0
MATPLOTLIBS_CACHES = (".cache", ".config")  # of fonts, made by its first figure
TORCHS_CACHE = "torchinductor_"  # made by `import torch._inductor`, meant to stay


@dataclass(frozen=True)
class Shot:
    """One run: which command, when it is interrupted as a share of its length, and whether the whole group is."""

    number: int
    command: str
    share: float
    group: bool


@dataclass(frozen=True)
class Hit:
    """The outcome of an interrupted run."""

    shot: Shot
    after_s: float
    ended_s: float
    exit_code: int
    faults: tuple[str, ...]
    early: bool

    def __str__(self) -> str:
        verdict = "; ".join(self.faults) or ("ok (before our first line)" if self.early else "ok")
        to = "group" if self.shot.group else "process"
        return (
            f"{self.shot.number:>4} {self.shot.command:<24} {to:<8} {self.after_s:>7.2f} s {self.ended_s:>6.2f} s "
            f"{self.exit_code:>5}  {verdict}"
        )


def shots(seed: int, first: int, count: int, commands: list[str]) -> Iterator[Shot]:
    """The runs of a series."""
    for number in range(first, first + count):
        chance = random.Random(f"{seed}-{number}")
        yield Shot(number, commands[number % len(commands)], chance.random(), chance.random() < 0.5)


def fire(shot: Shot, longest_s: float) -> Hit:
    """Start, wait, interrupt, and check."""
    with tempfile.TemporaryDirectory(prefix="torture-") as name:
        place = Path(name)
        started_s = time.monotonic()
        process = start(place, ALL[shot.command], f"{os.getpid()}-{shot.number}")
        after_s = shot.share * longest_s
        wait(process, after_s)
        asked_s = time.monotonic()
        interrupt(process, shot.group)
        out, err, deaf = ended(process)
        ended_s = time.monotonic() - asked_s
        faults = [] if not deaf else [f"deaf for {DEAF_S:g} s"]
        early = began_in_python(process.returncode, err)
        if not early:
            faults += said(process.returncode, out, err, shot.command)
        faults += left(place, process.returncode, shot.command)
        faults += orphans(f"{os.getpid()}-{shot.number}")
        keep_evidence(shot, err, faults)
        return Hit(shot, asked_s - started_s, ended_s, process.returncode, tuple(faults), early)


def start(place: Path, arguments: list[str], mark: str) -> subprocess.Popen[str]:
    """`llem` in empty directories."""
    prepare(place)
    return subprocess.Popen(
        [sys.executable, "-m", "llenergymeasure", *arguments], cwd=place / "work", env=environment(place, mark),
        text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def prepare(place: Path) -> None:
    """Make an empty HOME and TMPDIR, and a working directory with a study."""
    for name in ("home", "work", "tmp"):
        (place / name).mkdir()
    (place / "work" / "study.yaml").write_text(STUDY, encoding="utf-8")


def environment(place: Path, mark: str) -> dict[str, str]:
    """The environment of a run in these directories."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "LLEM_", "HF_"))}
    environ |= {"HOME": str(place / "home"), "TMPDIR": str(place / "tmp"), "HF_HUB_OFFLINE": "1", MARK: mark}
    return environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def wait(process: subprocess.Popen[str], seconds: float) -> None:
    """Wait, at most until the process ends."""
    until_s = time.monotonic() + seconds
    while process.poll() is None and (left_s := until_s - time.monotonic()) > 0:
        time.sleep(min(left_s, 0.02))


def interrupt(process: subprocess.Popen[str], group: bool) -> None:
    """Send the signal of Ctrl-C."""
    if process.poll() is None:
        (os.killpg if group else os.kill)(process.pid, signal.SIGINT)


def ended(process: subprocess.Popen[str]) -> tuple[str, str, bool]:
    """Output, errors, and whether it had to be killed."""
    try:
        return *process.communicate(timeout=DEAF_S), False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return *process.communicate(), True


def began_in_python(exit_code: int, err: str) -> bool:
    """Whether the signal came before `cli.entry` could handle it, during the start of the interpreter."""
    heard = "interrupted" in err or "llenergymeasure/" in err
    return not heard and (exit_code == -signal.SIGINT or (exit_code == 1 and "Traceback" in err))


def said(exit_code: int, out: str, err: str, command: str) -> list[str]:
    """Problems with exit code and output."""
    faults = [] if exit_code in (0, 130) else [f"exit code {exit_code}"]
    lines = [line for line in err.splitlines() if not line.startswith(EXPECTED_STDERR)]
    if command in STUDIES:
        lines = [line for line in lines if not line.startswith(str(datetime.now(timezone.utc).year))]
    if len(lines) > (2 if command in STUDIES else 1):
        faults.append(f"{len(lines)} lines on stderr")
    if exit_code == 0 and lines:
        faults.append(f"exit code 0, but: {lines[0][:60]}")
    if "Traceback" in err:
        faults.append("traceback")
    if exit_code == 0 and "--json" in command:
        json.loads(out)
    return faults


def left(place: Path, exit_code: int, command: str) -> list[str]:
    """Problems with remaining files and processes."""
    ours = (path for path in (place / "tmp").iterdir() if not path.name.startswith(TORCHS_CACHE))
    faults = [f"{path.name} in TMPDIR" for path in ours]
    caches = MATPLOTLIBS_CACHES if "--report" in command else ()
    faults += [f"{path.name} in HOME" for path in (place / "home").iterdir() if path.name not in caches]
    results = place / "work" / "results"
    known = (results, place / "work" / "study.yaml")
    faults += [f"{path.name} in the working directory" for path in (place / "work").iterdir() if path not in known]
    if not results.exists():
        return faults if exit_code != 0 or command == "config" or "dry" in command else [*faults, "no result"]
    if command in STUDIES:
        return [*faults, *study_faults(place, exit_code)]
    folders = [path for path in results.iterdir() if path.name != ".llem-state"]
    if not folders:
        faults.append("results without a result")
    for folder in folders:
        try:
            json.loads((folder / "result.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            faults.append(f"half a result: {folder.name}: {type(error).__name__}")
    faults += [f"left: {path.name}" for path in results.rglob("*") if path.suffix == ".tmp" or "partial" in path.name]
    for state in (results / ".llem-state").glob("*.json"):
        if json.loads(state.read_text(encoding="utf-8"))["stage"] != "done":
            faults.append("an unfinished state")
    return faults


def folder_of(place: Path) -> Path | None:
    """The folder of the study; None before it exists."""
    return next((place / "work" / "results").glob("sizes_*"), None)


def study_faults(place: Path, exit_code: int) -> Iterator[str]:
    """Problems with the folder of a study."""
    folder = folder_of(place)
    if folder is None:
        yield "results without a study"
        return
    if "study.json" not in os.listdir(folder):  # noqa: PTH208 - as the user sees it
        yield "no study.json"
        return
    runs = json.loads((folder / "study.json").read_text(encoding="utf-8"))["runs"]
    stored = {path.parent.name for path in folder.glob("runs/*/result.json")}
    yield from (f"{run['run_id']} is running" for run in runs if run["state"] == "running")
    if stored != {run["run_id"] for run in runs if run["state"] == "completed"}:
        yield f"results of {sorted(stored)} do not agree with study.json"
    if exit_code == 0 and len(stored) != len(runs):
        yield f"exit code 0, and {len(stored)} of {len(runs)} results"
    hidden = (path for path in (place / "work" / "results").rglob(".*"))
    yield from (f"left: {path.name}" for path in hidden)


def orphans(mark: str) -> list[str]:
    """Processes of the run that still exist a moment later."""
    for _ in range(20):
        found = belonging(mark)
        if not found:
            return []
        time.sleep(0.1)
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    return [f"{len(found)} orphans"]


def belonging(mark: str) -> list[int]:
    """The processes of a run that exist."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if belongs(pid, mark)]  # noqa: PTH208


def belongs(pid: int, mark: str) -> bool:
    """Whether a process belongs to a run."""
    try:
        return f"{MARK}={mark}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False


def keep_evidence(shot: Shot, err: str, faults: list[str]) -> None:
    """The whole stderr of a run with problems."""
    if faults:
        place = Path(tempfile.gettempdir()) / "torture-evidence"
        place.mkdir(exist_ok=True)
        (place / f"{shot.number}.txt").write_text(f"{shot}\n{faults}\n{err}", encoding="utf-8")


def length_of(command: str) -> float:
    """Seconds that a command takes without an interrupt."""
    with tempfile.TemporaryDirectory(prefix="torture-") as name:
        started_s = time.monotonic()
        process = start(Path(name), ALL[command], f"{os.getpid()}-length")
        _, err = process.communicate()
        if process.returncode:
            raise SystemExit(f"{command} fails undisturbed: {err}")
        return time.monotonic() - started_s


def main() -> int:
    """Print one line per run, and the sum; exit code 1 when there was a problem."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="number of the first run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--only", action="append", choices=list(ALL), help="command; may be repeated")
    parser.add_argument(
        "--studies", action="store_true", help="the commands of studies instead of those of one experiment"
    )
    parser.add_argument("--servers", action="store_true", help="the commands that measure a server")
    given = parser.parse_args()
    commands = given.only or list(STUDIES if given.studies else SERVERS if given.servers else COMMANDS)
    with running_server() if set(commands) & set(SERVERS) else nullcontext():
        return torture(commands, given)


@contextmanager
def running_server() -> Iterator[None]:
    """The server for the commands that do not start one."""
    with subprocess.Popen([*SERVER, PORT]) as server:
        try:
            yield
        finally:
            server.terminate()


def torture(commands: list[str], given: argparse.Namespace) -> int:
    """One series; the exit code."""
    longest = {command: length_of(command) for command in commands}
    print("   " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in longest.items()), flush=True)
    print("   n command                  to          after  ended after  code  verdict", flush=True)
    bad = 0
    with ThreadPoolExecutor(given.jobs) as pool:
        series = shots(given.seed, given.first, given.runs, commands)
        for hit in pool.map(lambda shot: fire(shot, longest[shot.command]), series):
            print(hit, flush=True)
            bad += bool(hit.faults)
    print(f"{given.runs} runs, {bad} not well")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
