"""The parts that the experiments of one pytest run share: settings, measuring, gate and the folder of the run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_llem.settings import Settings

if TYPE_CHECKING:
    from llenergymeasure._plugin_api import EnvironmentSnapshot
    from pytest_llem.baseline.folder import Baselines
    from pytest_llem.measure.measuring import Measuring
    from pytest_llem.measure.result_files import ResultFiles
    from pytest_llem.verdict.gate import Gate


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@dataclass
class Services:
    """The parts of one pytest run; heavy parts are made when the first experiment needs them.

    Attributes:
        config: pytest's.
        settings: of the run.
        baselines: as they were when the run started; empty without `--llem`.
        started: when the run started, UTC.
    """

    config: pytest.Config
    settings: Settings
    baselines: Baselines
    started: str = field(default_factory=_now)

    @cached_property
    def measuring(self) -> Measuring:
        """The part that measures experiments and windows."""
        from pytest_llem.measure.measuring import Measuring  # noqa: PLC0415 - everything heavy, when an item needs it
        from pytest_llem.measure.step_line import steps_of  # noqa: PLC0415 - the same

        return Measuring(self.settings, steps_of(self.config))

    @cached_property
    def gate(self) -> Gate:
        """The part that judges experiments."""
        from pytest_llem.verdict.gate import Gate  # noqa: PLC0415 - statistics, when there is something to judge

        return Gate(self.settings, self.baselines, self.baseline_folder)

    @cached_property
    def environment(self) -> EnvironmentSnapshot:
        """This machine and its software."""
        from llenergymeasure._plugin_api import environment  # noqa: PLC0415 - when a window of it is judged

        return environment()

    @cached_property
    def results(self) -> ResultFiles:
        """The folder of this run and the results in it."""
        from pytest_llem.measure.result_files import ResultFiles  # noqa: PLC0415 - when something is measured

        return ResultFiles(self.settings.output_dir, self.started.replace(":", "-"))

    @property
    def baseline_folder(self) -> str:
        """The folder of the baselines as reports show it."""
        folder = self.settings.baseline_dir
        return self.shown(folder) if folder.is_dir() else f"{self.shown(folder)}, which does not exist"

    def shown(self, path: Path) -> str:
        """A path as reports show it: relative to the root when it is below the root."""
        root = self.config.rootpath
        return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()

    def close(self) -> None:
        """Release model and meter if there are any."""
        if "measuring" in self.__dict__:
            self.measuring.close()
