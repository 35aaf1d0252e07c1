"""Suites in YAML: each `*.llem.yaml` file is a collector, each of its experiments a test item."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from pytest_llem.marker import Argument, Plan, PlanError, make_plan
from pytest_llem.stash import state_of

# The options that an entry may have beside the fields of an experiment.
OPTIONS = ("repeats", "fail_on", "budget", "id", "gate", "control")


class SuiteFile(pytest.File):
    """A suite. A mistake in it is a collection error with line and column."""

    def collect(self) -> Iterable[pytest.Item]:
        """One item per experiment, with its name."""
        from llenergymeasure._plugin_api import ConfigError, read_suite  # noqa: PLC0415 - heavy, when a suite is read

        try:
            entries = read_suite(self.path, OPTIONS)
        except ConfigError as error:
            texts = dict.fromkeys(str(each.named(self._shown)) for each in error.problems or (error,))
            raise self.CollectError("\n".join(texts)) from None
        problems = [problem for entry in entries for problem in self._problems(entry)]
        if problems:
            raise self.CollectError("\n".join(problems))
        for entry in entries:
            yield SuiteItem.from_parent(self, name=entry.name, entry=entry)

    def _problems(self, entry: Any) -> Iterable[str]:
        try:
            self.plan(entry, entry.name)
        except PlanError as error:
            yield str(error)

    def plan(self, entry: Any, test_id: str) -> Plan:
        """The plan of an entry.

        Raises:
            PlanError: one of its options is invalid.
        """
        arguments = {
            name: Argument(value, self._place(entry.option_marks[name])) for name, value in entry.options.items()
        }
        arguments["config"] = Argument(entry.config, self._place(entry.mark))
        return make_plan(arguments, state_of(self.config).settings, test_id, [self.path.parent])

    def _place(self, mark: tuple[int, int]) -> str:
        return f"{self._shown}, line {mark[0]}, column {mark[1]}"

    @property
    def _shown(self) -> str:
        """The path of the file in messages: relative to the root when it is below the root."""
        root = self.config.rootpath
        return str(self.path.relative_to(root) if self.path.is_relative_to(root) else self.path)


class SuiteItem(pytest.Item):
    """One experiment of a suite."""

    def __init__(self, *, entry: Any, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._entry = entry
        self.add_marker(pytest.mark.llem(**entry.options))

    @property
    def suite(self) -> SuiteFile:
        """The suite that contains it."""
        assert isinstance(self.parent, SuiteFile), "only a suite makes these items"
        return self.parent

    def plan(self) -> Plan:
        """Its plan."""
        return self.suite.plan(self._entry, self.nodeid)

    def runtest(self) -> None:
        """Measure; the verdict follows as for any other test."""
        from pytest_llem.llm_experiment import measure  # noqa: PLC0415 - heavy, when something is measured

        plan = self.plan()
        assert plan.config is not None, "an entry of a suite has a configuration"
        measure(state_of(self.config), self, plan, plan.config)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Its file, line and name."""
        return self.path, self._entry.mark[0] - 1, self.name
