"""The `llm_experiment` fixture: measures the experiment of a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from llenergymeasure import ExperimentConfig
from llenergymeasure._plugin_api import ConfigError, LLEMError, make_config
from pytest_llem.baseline.diff import label_of
from pytest_llem.failure import fail, failure
from pytest_llem.marker import Plan
from pytest_llem.measure import user_hooks
from pytest_llem.measure.replay import ReplayError
from pytest_llem.measure.run import Run
from pytest_llem.stash import State


class Experiments:
    """The value of the `llm_experiment` fixture: call it to measure.

    Args:
        state: of the pytest run.
        item: the test.
        plan: from its marker.
    """

    def __init__(self, state: State, item: pytest.Item, plan: Plan) -> None:
        self._state, self._item, self._plan = state, item, plan

    def __call__(self, overrides: Mapping[str, Any] | None = None, /, **fields: Any) -> Run:
        """Measure the experiment of the marker, with other values for some fields.

        Args:
            overrides: values by dotted name, such as `{"pytorch.batch_size": 4}`.
            **fields: values by name, such as `n=8` or `pytorch={"batch_size": 4}`.
        """
        given = {**(overrides or {}), **fields}
        config = self._config(given)
        return measure(self._state, self._item, self._plan, config)

    def _config(self, given: Mapping[str, Any]) -> ExperimentConfig:
        plan = self._plan
        if plan.config is None and "model" not in {**plan.overrides, **given}:
            fail(
                "llm_experiment has no config: give the marker one, @pytest.mark.llem(config=...), or call it with model=..."
            )
        try:
            return make_config({}, plan.overrides, given) if plan.config is None else make_config(plan.config, given)
        except ConfigError as error:
            raise failure(f"llm_experiment: {error}") from None


def measure(state: State, item: pytest.Item, plan: Plan, config: ExperimentConfig) -> Run:
    """Measure an experiment for a test; an error fails the test with its message."""
    record = state.record(item)
    run = _new_run(state, item, plan, config)
    _refuse_twin(state, run, record.test)
    record.plan = plan
    record.runs.append(run)
    try:
        run.measure_all()
    except (LLEMError, ReplayError) as error:
        run.problem = str(error)
        raise failure(run.problem) from None
    return run


def _new_run(state: State, item: pytest.Item, plan: Plan, requested: ExperimentConfig) -> Run:
    """A run with a label that distinguishes it from the earlier ones of its test."""
    before = [run for run in state.record(item).runs if isinstance(run, Run)]
    usual = plan.config or (before[0].requested if before else requested)
    config = user_hooks.modified(item, requested)
    repeated = any(run.config.config_hash == config.config_hash for run in before)
    label = label_of(_plain(usual), _plain(requested))
    if repeated:
        label = f"{label}, run {len(before) + 1}" if label else f"run {len(before) + 1}"
    return Run(state, item, plan, config, requested, label, repeated)


def _plain(config: ExperimentConfig) -> dict[str, Any]:
    return config.model_dump(mode="json", exclude_none=True)


def _refuse_twin(state: State, run: Run, test: str) -> None:
    """Refuse two tests with one baseline: one of them would be compared with the values of the other."""
    same = (run.plan.test_id, run.config_hash)
    for record in state.records.values():
        for other in record.runs:
            if record.test != test and (other.plan.test_id, other.config_hash) == same:
                fail(
                    f"id {same[0]!r} with this configuration belongs to {record.test} already; give each test its own id"
                )
