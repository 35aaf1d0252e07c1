"""A machine that runs studies without measuring: each run takes 10 s of a fake clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from a_result import a_result
from fakes import RecordingProgress
from llenergymeasure.config.models import ExperimentConfig
from llenergymeasure.config.study.models import StudyConfig
from llenergymeasure.datasets.loader import open_dataset
from llenergymeasure.domain.results import ExperimentResult
from llenergymeasure.study.files.folder import Configuration
from llenergymeasure.study.files.manifest import StudyEnvironment
from llenergymeasure.study.gaps import NoSkip
from llenergymeasure.study.runner import StudyParts
from llenergymeasure.testing import FakeClock

RUN_S = 10.0
HERE = StudyEnvironment(facts={"GPUs": "none", "torch": "2.6"})
RESULT = a_result()


class FakeMachine:
    """Returns results, and records the calls.

    Args:
        fails: by batch size, what a run of it raises instead of giving a result.
        stops: number of runs after which the user interrupts the next one.
    """

    def __init__(self, fails: Mapping[int, BaseException] | None = None, stops: int | None = None) -> None:
        self.clock, self.progress = FakeClock(), RecordingProgress()
        self.measured: list[int] = []
        self.lines: list[tuple[Any, ...]] = []
        self.started: list[Any] = []
        self._fails, self._stops = fails or {}, stops
        self.before: Callable[[], object] = lambda: None

    def measure(self, config: ExperimentConfig, log: Path | None) -> ExperimentResult:
        self.before()
        batch_size = config.pytorch_settings.effective_batch_size
        if self._stops is not None and len(self.measured) == self._stops:
            raise KeyboardInterrupt
        self.measured.append(batch_size)
        self.clock.sleep(RUN_S)
        if log is not None:
            log.write_text(f"batch size {batch_size}\n")
        if batch_size in self._fails:
            raise self._fails[batch_size]
        if str(config.dataset).endswith(".jsonl"):
            return RESULT.model_copy(update={"dataset": open_dataset(config.dataset, 1, 0).info})
        return RESULT

    def parts(self, environment: StudyEnvironment = HERE, **changes: Any) -> StudyParts:
        parts = StudyParts(
            measure=self.measure, clock=self.clock, progress=self.progress, host="node-1", environment=environment,
            thermometer=dict, skip=NoSkip(), on_start=self.started.append,
            on_row=lambda *line: self.lines.append(line),
        )  # fmt: skip
        return replace(parts, **changes)


def a_study_config(*batch_sizes: int, **execution: Any) -> StudyConfig:
    """A study over batch sizes, in the order of its cells and without waits unless said otherwise."""
    how = {
        "n_cycles": 2, "cycle_order": "interleaved", "experiment_gap_seconds": 0, "cycle_gap_seconds": 0,
        "cooldown_celsius": None, **execution,
    }  # fmt: skip
    cells = [ExperimentConfig(model="builtin/tiny-llama", pytorch={"batch_size": size}) for size in batch_sizes]
    return StudyConfig(name="sizes", experiments=cells, execution=how)


def texts_of(study: StudyConfig) -> Configuration:
    """The configuration as it is written into the folder."""
    return Configuration("name: sizes\n", study.model_dump_json())
