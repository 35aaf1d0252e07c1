"""Several processes on this machine, started with torch's own launcher, watched, and combined.

Each process writes into one temporary folder: its heartbeat, then its result, or why it gave up. Whatever happens, no
process and no folder outlives the call.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.exceptions import ExperimentError, ProcessGroupError
from llenergymeasure.launch.process import Ended, run_child
from llenergymeasure.launch.ranks.rank import culprits, measure_share, rank_info_of
from llenergymeasure.launch.ranks.worker import STARTER_FILE
from llenergymeasure.orchestration.orchestrator import Session, check_experiment, measure
from llenergymeasure.results.ranks.combine import aggregate
from llenergymeasure.results.ranks.files import missing_ranks, read_process_results, stem

CONFIG_FILE = "config.json"
# A process tells every second that it is there; one that was stopped or is stuck in the driver does not.
SILENT_S = 20.0


def measure_anywhere(config: ExperimentConfig, session: Session, output_dir: Path | None = None) -> ExperimentResult:
    """Measure in this process, as one of several that a launcher started, or by starting several.

    Raises:
        PreFlightError: it cannot run here.
        ExperimentError: it failed on the way; names the rank when there are several.
    """
    rank_info = rank_info_of(session.environ)
    if rank_info is not None:
        return measure_share(config, session, rank_info, output_dir)
    count = config.pytorch_settings.effective_num_processes
    if count == 1:
        return measure(config, session, output_dir)
    check_experiment(config, session, output_dir)
    return _launched(config, session, count)


def is_silent_rank(environ: Mapping[str, str]) -> bool:
    """Whether another process of the same run tells and keeps the result."""
    rank_info = rank_info_of(environ)
    return rank_info is not None and rank_info.rank != 0


def _launched(config: ExperimentConfig, session: Session, count: int) -> ExperimentResult:
    session.progress.step(f"measuring in {count} processes")
    with tempfile.TemporaryDirectory(prefix="llem-ranks-") as name:
        folder = Path(name)
        (folder / CONFIG_FILE).write_text(config.model_dump_json(), encoding="utf-8")
        (folder / STARTER_FILE).write_text(str(os.getpid()), encoding="ascii")
        beats = Heartbeats(folder, count)
        ended = run_child(
            _command(folder, count),
            _environ(session.environ, count),
            folder / "log",
            others=beats.pids,
            is_stuck=lambda: bool(beats.silent()),
        )
        session.progress.done()
        if ended.exit_code != 0:
            raise ExperimentError(config, ProcessGroupError(_what_happened(folder, count, beats, ended)))
        return aggregate(read_process_results(folder, count))


def _command(folder: Path, count: int) -> list[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--max-restarts", "0"]
    launcher += ["--log-dir", str(folder / "torch")]
    return [*launcher, "--nproc-per-node", str(count), "-m", "llenergymeasure.launch.ranks.worker", str(folder)]


def _environ(environ: Mapping[str, str], count: int) -> dict[str, str]:
    """The cores shared out among the processes, unless the user did that already."""
    threads = max((os.cpu_count() or count) // count, 1)
    return {"OMP_NUM_THREADS": str(threads), **environ}


def _what_happened(folder: Path, count: int, beats: Heartbeats, ended: Ended) -> str:
    found = culprits(folder)
    if found:
        rank, reason = min(found.items())
        return f"rank {rank} failed: {reason}"
    silent = beats.silent()
    if silent:
        return f"rank {silent[0]} did not answer for {SILENT_S:g} s and was ended"
    dead = [rank for rank in missing_ranks(folder, count) if not (folder / f"{stem(rank)}.failed").is_file()]
    if dead:
        return f"rank {dead[0]} died without a word (killed, or out of memory); see: dmesg | tail"
    last = ended.said.strip().splitlines()[-1:] or ["nothing was said"]
    return f"the processes ended with exit code {ended.exit_code}: {last[0]}"


class Heartbeats:
    """When each process was last heard of: since when a file that it touches every second looks as it does.

    The file's time is only compared with itself: the wall clock may be set while processes run.

    Args:
        folder: where the files are; each holds the number of its process.
        count: how many processes there are.
        now: monotonic seconds.
    """

    def __init__(self, folder: Path, count: int, now: Callable[[], float] = time.monotonic) -> None:
        self._files = {rank: folder / f"{stem(rank)}.alive" for rank in range(count)}
        self._now = now
        self._heard: dict[int, tuple[int, float]] = {}
        self._silent: tuple[int, ...] = ()

    def pids(self) -> Iterator[int]:
        """Numbers of the processes that were heard."""
        for path in self._files.values():
            try:
                yield int(path.read_text(encoding="ascii"))
            except (OSError, ValueError):
                continue

    def silent(self) -> tuple[int, ...]:
        """Ranks that were heard once, and then not for too long; remembered, for when they are gone."""
        now_s = self._now()
        for rank, path in self._files.items():
            touched = _touched(path)
            if touched is not None and self._heard.get(rank, (None,))[0] != touched:
                self._heard[rank] = (touched, now_s)
        since = {rank: since_s for rank, (_, since_s) in self._heard.items()}
        self._silent = self._silent or tuple(rank for rank, since_s in since.items() if now_s - since_s > SILENT_S)
        return self._silent


def _touched(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None
