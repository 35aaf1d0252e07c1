"""What the plugin knows during a run: kept in pytest's stash, made when first needed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llem.settings import Settings, settings_of

if TYPE_CHECKING:
    from pytest_llem.baseline.folder import Baselines
    from pytest_llem.marker import Plan
    from pytest_llem.measure.energy_meter import EnergyMeter
    from pytest_llem.measure.measuring import Measuring
    from pytest_llem.measure.run import Run
    from pytest_llem.verdict.gate import Gate


@dataclass
class Record:
    """One test as the report tells it.

    Attributes:
        test: node id.
        file, line: where it is, for annotations; line from 1.
        outcome: passed, failed, skipped or error; None while it did not end.
        message: why, when it did not pass.
        gate_failed: whether only a verdict failed it.
    """

    test: str
    file: str
    line: int
    outcome: str | None = None
    message: str = ""
    gate_failed: bool = False
    plan: Plan | None = None
    runs: list[Run] = field(default_factory=list)
    meter: EnergyMeter | None = None


@dataclass
class State:
    """The state of one pytest run.

    Attributes:
        config: pytest's.
        settings: of the run.
        baselines: as they were when it started; None without `--llem`.
        records: by node id, in the order of the tests.
    """

    config: pytest.Config
    settings: Settings
    baselines: Baselines | None = None
    records: dict[str, Record] = field(default_factory=dict)
    outcome: Any = None

    @cached_property
    def measuring(self) -> Measuring:
        """Everything heavy."""
        measuring: Measuring = import_module("pytest_llem.measure.measuring").Measuring(self.config, self.settings)
        return measuring

    @cached_property
    def gate(self) -> Gate:
        """Judges."""
        gate: Gate = import_module("pytest_llem.verdict.gate").Gate(self.settings, self.baselines)
        return gate

    @cached_property
    def started(self) -> str:
        """When the run started, UTC."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    @cached_property
    def folder(self) -> Path:
        """The folder of this run; made now, with an ignore file for git beside it."""
        base = self.settings.output_dir
        base.mkdir(parents=True, exist_ok=True)
        ignore = base / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="ascii")
        return fresh_folder(base, self.started.replace(":", "-"))

    def record(self, item: pytest.Item) -> Record:
        """The record of a test, made when first asked for."""
        if item.nodeid not in self.records:
            path, line, _ = item.reportinfo()
            self.records[item.nodeid] = Record(item.nodeid, self.shown(Path(path)), (line or 0) + 1)
        return self.records[item.nodeid]

    def shown(self, path: Path) -> str:
        """A path as reports show it: from the root where it lies below."""
        root = self.config.rootpath
        return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()

    def close(self) -> None:
        """Let go of model and meter, where there are any."""
        if "measuring" in self.__dict__:
            self.measuring.close()


def fresh_folder(base: Path, name: str) -> Path:
    """A new folder: `name`, or `name_1`, `name_2`, ... when it is taken."""
    for number in range(10_000):
        folder = base / (f"{name}_{number}" if number else name)
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise OSError(f"{base} has too many folders called {name}; remove some")


def make_state(config: pytest.Config) -> State:
    """The state of a run that begins.

    Raises:
        pytest.UsageError: a setting cannot be understood, or with `--llem` something cannot be used.
    """
    settings = settings_of(config)
    state = State(config, settings)
    if settings.active:
        _refuse_xdist(config)
        state.baselines = _baselines(settings)
        _check_replay(settings)
    return state


def _refuse_xdist(config: pytest.Config) -> None:
    """Experiments side by side would measure each other."""
    workers = getattr(config.option, "numprocesses", None) or getattr(config.option, "tx", None)
    if workers or hasattr(config, "workerinput"):
        raise pytest.UsageError("--llem measures one experiment at a time, and xdist runs several: add -n0")


def _baselines(settings: Settings) -> Baselines:
    reading = import_module("pytest_llem.baseline.parse")
    try:
        baselines: Baselines = import_module("pytest_llem.baseline.folder").read_folder(settings.baseline_dir)
    except reading.BaselineError as error:
        raise pytest.UsageError(str(error)) from error
    return baselines


def _check_replay(settings: Settings) -> None:
    if settings.replay_path is not None:
        replay = import_module("pytest_llem.measure.replay")
        try:
            replay.read_replay(settings.replay_path)
        except replay.ReplayError as error:
            raise pytest.UsageError(f"--llem-energy: {error}") from error
