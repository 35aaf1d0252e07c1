"""The state of the plugin during a pytest run. It is kept in pytest's stash and made when it is first needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_llem.baseline.folder import Baselines, read_folder
from pytest_llem.baseline.parse import BaselineError
from pytest_llem.measure.replay import ReplayError, read_replay
from pytest_llem.measure.services import Services
from pytest_llem.settings import Settings, settings_of

if TYPE_CHECKING:
    from pytest_llem.marker import Plan
    from pytest_llem.measure.energy_meter import EnergyMeter
    from pytest_llem.measure.run import Run


@dataclass
class Record:
    """One test, as the reports show it.

    Attributes:
        test: node id.
        file, line: where the test is, for annotations; lines count from 1.
        outcome: passed, failed, skipped or error; None until the test has ended.
        message: why the test did not pass; empty when it passed.
    """

    test: str
    file: str
    line: int
    outcome: str | None = None
    message: str = ""
    plan: Plan | None = None
    runs: list[Run] = field(default_factory=list)
    meter: EnergyMeter | None = None

    @property
    def gate_failed(self) -> bool:
        """Whether a verdict failed the test."""
        return any(run.gate_failed for run in self.runs)


@dataclass
class State(Services):
    """The state of one pytest run.

    Attributes:
        records: by node id, in the order of the tests.
    """

    records: dict[str, Record] = field(default_factory=dict)

    def record(self, item: pytest.Item) -> Record:
        """The record of a test; it is made on the first call."""
        if item.nodeid not in self.records:
            path, line, _ = item.reportinfo()
            self.records[item.nodeid] = Record(item.nodeid, self.shown(Path(path)), (line or 0) + 1)
        return self.records[item.nodeid]

    def energy_meter(self, item: pytest.Item) -> EnergyMeter:
        """A meter for the windows of a test."""
        from pytest_llem.measure.energy_meter import EnergyMeter  # noqa: PLC0415 - llenergymeasure, when a test needs it

        meter = EnergyMeter(
            lambda: self.measuring, item.nodeid, lambda key, value: item.user_properties.append((key, value))
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
    state = State(config, settings, _baselines(settings))
    _check_replay(settings)
    return state


def _refuse_xdist(config: pytest.Config) -> None:
    """Refuse xdist: two experiments at the same time would measure each other's energy."""
    workers = getattr(config.option, "numprocesses", None) or getattr(config.option, "tx", None)
    if workers or hasattr(config, "workerinput"):
        raise pytest.UsageError("--llem measures one experiment at a time, and xdist runs several: add -n0")


def _baselines(settings: Settings) -> Baselines:
    try:
        return read_folder(settings.baseline_dir)
    except BaselineError as error:
        raise pytest.UsageError(str(error)) from error


def _check_replay(settings: Settings) -> None:
    if settings.replay_path is not None:
        try:
            read_replay(settings.replay_path)
        except ReplayError as error:
            raise pytest.UsageError(f"--llem-energy: {error}") from error
