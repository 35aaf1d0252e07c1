"""What a study of 10,000 runs costs beside measuring: the start of a run at the beginning and at the end, and continuing it.

The runs measure nothing and give the result of a file. The folder is in memory where the system has such a file system, because
a disk that other processes use would be measured otherwise.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.pairs import ROOT, Row
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.config.user_config import ExecutionSettings
from llenergymeasure.core.machine.clock import SystemClock
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.progress import Silent
from llenergymeasure.study.design import design_of, protocol_of
from llenergymeasure.study.files.folder import Configuration
from llenergymeasure.study.files.manifest import StudyEnvironment
from llenergymeasure.study.files.resume import read_config
from llenergymeasure.study.gaps import NoSkip
from llenergymeasure.study.runner import StudyParts, run_in_folder, run_new

CELLS, CYCLES = 2_000, 5
PART = 10
MOST_GROWTH, MOST_SECONDS = 1.1, 5.0
RESULT = ROOT / "tests" / "golden" / "result-2.0.json"
IN_MEMORY = Path("/dev/shm")


def rows() -> Iterator[Row]:
    """The start of the first and of the last tenth of the runs, their ratio, and the time until a continued study measures.

    All times are CPU times: other processes make a wait for the disk longer at one time than at another.
    """
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as name:
        starts = started(Path(name))
        (folder,) = Path(name).iterdir()
        continued_s = continuing(folder)
    size = len(starts) // PART
    first, last = starts[:size], starts[-size:]
    yield _row(f"study of {len(starts):,} runs: start of a run, first tenth, CPU", first, "ms", None)
    yield _row("the same: start of a run, last tenth, CPU", last, "ms", None)
    yield _row("the same: last over first", [statistics.median(last) / statistics.median(first)], "x", MOST_GROWTH)
    yield _row("the same: continuing it, until the first run, CPU", [continued_s], "s", MOST_SECONDS)


def _row(name: str, values: list[float], unit: str, most: float | None) -> Row:
    median = statistics.median(values)
    target, kept = ("", True) if most is None else (f"<= {most:g}", median <= most)
    return Row(name, median, min(values), max(values), unit, target, kept)


def a_study() -> StudyConfig:
    """2,000 cells of two axes in five cycles, without waits."""
    cells = [
        ExperimentConfig(model="builtin/tiny-llama", n=1 + number // 100, pytorch={"batch_size": 1 + number % 100})
        for number in range(CELLS)
    ]
    execution = {"n_cycles": CYCLES, "experiment_gap_seconds": 0, "cycle_gap_seconds": 0, "cooldown_celsius": None}
    return StudyConfig(name="large", experiments=cells, execution=execution)


def started(base: Path) -> list[float]:
    """CPU time in ms from the end of each run to the start of the next."""
    study, result = a_study(), ExperimentResult.from_json(RESULT)
    starts, ends = [], [time.process_time()]

    def measure(config: ExperimentConfig, log: Path | None) -> ExperimentResult:
        starts.append(1000 * (time.process_time() - ends[-1]))
        return result

    def ended(*_: object) -> None:
        ends.append(time.process_time())

    texts, design = Configuration("", study.model_dump_json()), design_of(study)
    run_new(design, protocol_of(study, design, ExecutionSettings()), _parts(measure, ended), base, texts)
    return starts[1:]


def continuing(folder: Path) -> float:
    """CPU time in s from reading the configuration of a study to its first run, which is its last one."""
    journal = folder / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-2]))
    last = max((folder / "runs").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    (last / "result.json").unlink()
    result, began = ExperimentResult.from_json(RESULT), []

    def measure(config: ExperimentConfig, log: Path | None) -> ExperimentResult:
        began.append(time.process_time())
        return result

    start_s = time.process_time()
    study = read_config(folder)
    design = design_of(study)
    parts = _parts(measure, lambda *_: None)
    run_in_folder(folder, design, protocol_of(study, design, ExecutionSettings()), parts)
    (first_s,) = began
    return first_s - start_s


def _parts(
    measure: Callable[[ExperimentConfig, Path | None], ExperimentResult], ended: Callable[..., None]
) -> StudyParts:
    return StudyParts(
        measure=measure, clock=SystemClock(), progress=Silent(), host="here", thermometer=dict, skip=NoSkip(),
        environment=StudyEnvironment(facts={}), on_start=lambda started: None, on_row=ended,
    )  # fmt: skip
