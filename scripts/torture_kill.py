"""Kills a study with SIGKILL at random moments and continues it: `python scripts/torture_kill.py --kills 30`.

After each kill the run table must be unchanged, every stored result must be unchanged, and no process of the study may be alive
after 5 s. At the end the study must be complete. A kill counts only while the study runs. Each study has its own empty directory,
HOME and TMPDIR.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from torture_sigint import belonging, environment, folder_of, prepare

CYCLES = 40
LONGEST_S = 20.0  # a start takes 4 to 25 s, depending on how busy the machine is, and a run 2 s
GONE_WITHIN_S = 5.0
MARK = "kill"


@dataclass
class Found:
    """What was found.

    Attributes:
        kills: number of kills.
        faults: what was wrong.
        slowest_s: the longest time until all processes of a killed study had ended.
    """

    kills: int = 0
    faults: list[str] = field(default_factory=list)
    slowest_s: float = 0.0


def start(place: Path, mark: str, *arguments: str) -> subprocess.Popen[str]:
    """`llem run` of the study."""
    return subprocess.Popen(
        [sys.executable, "-m", "llenergymeasure", "run", *arguments, "--quiet"], cwd=place / "work",
        env=environment(place, mark), text=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def kill(process: subprocess.Popen[str], mark: str, found: Found) -> None:
    """Kill the parent only, and wait for its processes."""
    process.kill()
    process.communicate()
    found.kills += 1
    killed_s = time.monotonic()
    while left := belonging(mark):
        if time.monotonic() - killed_s > GONE_WITHIN_S:
            found.faults.append(f"kill {found.kills}: {len(left)} processes after {GONE_WITHIN_S:g} s")
            return
        time.sleep(0.02)
    found.slowest_s = max(found.slowest_s, time.monotonic() - killed_s)


def results(folder: Path) -> dict[str, bytes]:
    """The stored results by the name of their run."""
    return {path.parent.name: path.read_bytes() for path in folder.glob("runs/*/result.json")}


def table(folder: Path) -> object:
    """The run table."""
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["runs"]


def series(chance: random.Random, kills: int, found: Found) -> Iterator[str]:
    """Studies that are killed so often; yields a line per kill. One that is complete is followed by a new one."""
    while found.kills < kills:
        with tempfile.TemporaryDirectory(prefix="torture-") as name:
            yield from one_study(Path(name), chance, kills, found)


def one_study(place: Path, chance: random.Random, kills: int, found: Found) -> Iterator[str]:
    """One study, which is killed until it is complete or the number of kills is reached."""
    prepare(place)
    process = start(place, MARK, "study.yaml", "--cycles", str(CYCLES))
    while folder_of(place) is None and process.poll() is None:
        time.sleep(0.02)
    folder = folder_of(place)
    if folder is None:
        raise SystemExit(f"the study did not start: {process.communicate()[1]}")
    first, known = table(folder), dict[str, bytes]()
    while found.kills < kills:
        after_s = chance.uniform(0.0, LONGEST_S)
        time.sleep(after_s)
        if process.poll() is not None:
            break
        kill(process, MARK, found)
        stored = results(folder)
        found.faults += [f"kill {found.kills}: {run} changed" for run in known if stored.get(run) != known[run]]
        if table(folder) != first:
            found.faults.append(f"kill {found.kills}: the run table changed")
        known = stored
        yield f"{found.kills:>4} after {after_s:4.1f} s, {len(stored):>3} results"
        process = start(place, MARK, "--resume", f"results/{folder.name}")
    _, err = process.communicate()
    found.faults += [f"the end: exit code {process.returncode}: {err}"] if process.returncode else []
    found.faults += list(at_the_end(folder, known))


def at_the_end(folder: Path, known: dict[str, bytes]) -> Iterator[str]:
    """What is wrong with a study that was continued to its end."""
    runs = json.loads((folder / "study.json").read_text(encoding="utf-8"))["runs"]
    stored = results(folder)
    yield from (f"{run['run_id']} is {run['state']}" for run in runs if run["state"] != "completed")
    yield from (f"{run} changed" for run in known if stored.get(run) != known[run])
    if len(stored) != len(runs):
        yield f"{len(runs)} runs have {len(stored)} results"


def main() -> int:
    """Print one line per kill, and the sum; exit code 1 when there was a problem."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    found = Found()
    for line in series(random.Random(given.seed), given.kills, found):
        print(line, flush=True)
    print("\n".join(found.faults))
    print(f"{found.kills} kills, {len(found.faults)} problems, all processes ended within {found.slowest_s:.1f} s")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
