"""The state of the plugin during a pytest run. It is kept in pytest's stash and made when it is first needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llem.baseline.claims import Claims
from pytest_llem.baseline.commands import explained
from pytest_llem.baseline.folder import Baselines, read_folder
from pytest_llem.baseline.parse import BaselineError
from pytest_llem.measure.progress import Progress
from pytest_llem.measure.record import Record
from pytest_llem.measure.replay import ReplayError, read_replay
from pytest_llem.measure.services import Services
from pytest_llem.settings import Settings, settings_of

if TYPE_CHECKING:
    from pytest_llem.measure.energy_meter import EnergyMeter
    from pytest_llem.measure.judged import Judged


@dataclass
class State(Services):
    """The state of one pytest run.

    Attributes:
        records: by node id, in the order of the tests.
        progress: how far the run came.
        claims: which baselines belong to a collected test.
    """

    records: dict[str, Record] = field(default_factory=dict)
    progress: Progress = field(default_factory=Progress)
    claims: Claims = field(default_factory=Claims)

    @property
    def runs(self) -> list[Judged]:
        """Every experiment and gated window, in the order of the tests."""
        return [run for record in self.records.values() for run in record.runs]

    @property
    def file_problems(self) -> list[str]:
        """Why results could not be written; empty when all are written."""
        problem = self.results.problem if "results" in self.__dict__ else None
        return [] if problem is None else [problem]

    def record(self, item: pytest.Item) -> Record:
        """The record of a test; it is made on the first call."""
        if item.nodeid not in self.records:
            path, line, _ = item.reportinfo()
            self.records[item.nodeid] = self.new_record(item.nodeid, Path(path), (line or 0) + 1)
        return self.records[item.nodeid]

    def new_record(self, test: str, path: Path, line: int) -> Record:
        """A record without outcome."""
        absolute = self.config.rootpath / path
        return Record(test, absolute, self.shown(absolute), line)

    def begin_attempt(self, item: pytest.Item) -> None:
        """A test begins; when it has run before, nothing of its earlier attempt counts any more."""
        before = self.records.get(item.nodeid)
        if before is None:
            return
        item.user_properties[:] = [each for each in item.user_properties if each not in before.properties]
        for run in before.runs:
            run.withdraw()
        self.records[item.nodeid] = before.next_attempt()

    def add_properties(self, item: pytest.Item, properties: Iterable[tuple[str, Any]]) -> None:
        """Add properties to the reports of a test."""
        for each in properties:
            item.user_properties.append(each)
            self.record(item).properties.append(each)

    def energy_meter(self, item: pytest.Item) -> EnergyMeter:
        """A meter for the windows of a test."""
        from pytest_llem.gated.gates import Gates  # noqa: PLC0415 - llenergymeasure, when a test needs it
        from pytest_llem.measure.energy_meter import EnergyMeter  # noqa: PLC0415 - the same

        gates = Gates(self, item, lambda: self.record(item).runs)
        meter = EnergyMeter(
            lambda: self.measuring, item, lambda key, value: self.add_properties(item, [(key, value)]), gates
        )
        self.record(item).meter = meter
        return meter


STATE: pytest.StashKey[State] = pytest.StashKey()


def state_of(config: pytest.Config) -> State:
    """The state of this run; it is made on the first call and closed when pytest ends.

    Raises:
        pytest.UsageError: a setting is invalid, or with `--llem` a file or a plugin cannot be used.
    """
    if STATE not in config.stash:
        config.stash[STATE] = _new_state(config)
        config.add_cleanup(config.stash[STATE].close)
    return config.stash[STATE]


def _new_state(config: pytest.Config) -> State:
    settings = settings_of(config)
    if not settings.active:
        return State(config, settings, Baselines(settings.baseline_dir, {}))
    _refuse_xdist(config)
    state = State(config, settings, _baselines(config, settings))
    _check_replay(settings)
    return state


def _refuse_xdist(config: pytest.Config) -> None:
    """Refuse xdist: two experiments at the same time would measure each other's energy."""
    workers = getattr(config.option, "numprocesses", None) or getattr(config.option, "tx", None)
    if workers or hasattr(config, "workerinput"):
        raise pytest.UsageError("--llem measures one experiment at a time, and xdist runs several: add -n0")


def _baselines(config: pytest.Config, settings: Settings) -> Baselines:
    try:
        return read_folder(settings.baseline_dir)
    except BaselineError as error:
        raise pytest.UsageError(explained(config, error)) from error


def _check_replay(settings: Settings) -> None:
    if settings.replay_path is not None:
        try:
            read_replay(settings.replay_path)
        except ReplayError as error:
            raise pytest.UsageError(f"--llem-energy: {error}") from error
