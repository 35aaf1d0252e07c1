"""Measures in a pytest session: its experiments share one meter, one loaded model and one idle power.

This module loads the heavy libraries. It is imported when the first test needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property

import pytest

from llenergymeasure import ExperimentConfig, ExperimentResult, _plugin_api
from pytest_llem.baseline.repeats import more_to_measure, repeat_of
from pytest_llem.measure.replay import Replay, read_replay
from pytest_llem.settings import Settings

# Methods with a sensor: only for these the length of a window matters.
_SENSED = frozenset({"counter", "sampled", "estimated"})

Keep = Callable[[ExperimentResult], None]


class Measuring:
    """Measures experiments and windows.

    Args:
        config: pytest's, for the hooks.
        settings: of the run.
    """

    def __init__(self, config: pytest.Config, settings: Settings) -> None:
        self._config, self._settings = config, settings
        self._session = _plugin_api.sharing_session()
        self._stack = ExitStack()
        self._test: str | None = None

    @cached_property
    def replay(self) -> Replay | None:
        """The recorded joules that replace a sensor; None without them."""
        path = self._settings.replay_path
        return None if path is None else read_replay(path)

    @cached_property
    def given(self) -> _plugin_api.Metering | None:
        """A meter that is not chosen by name: recorded joules or the meter of a hook; None without one."""
        replay = self.replay
        if replay is not None:
            return _plugin_api.replaying(
                lambda: None if self._test is None else replay.next(self._test), replay.path.name
            )
        meter = self._config.hook.pytest_llem_make_meter(config=self._config, name=self._settings.energy)
        return None if meter is None else _plugin_api.metering_with(meter, "given by pytest_llem_make_meter")

    @property
    def meter_name(self) -> str | None:
        """The meter that `--llem-energy` names; None = each experiment chooses."""
        return None if self._settings.energy == "auto" else self._settings.energy

    @cached_property
    def metering(self) -> _plugin_api.Metering:
        """The meter for windows around any code.

        Raises:
            PreFlightError: the named meter is not available.
        """
        return self.given or self._stack.enter_context(_plugin_api.open_meter(self._settings.energy))

    @contextmanager
    def taking_joules_of(self, test: str) -> Iterator[None]:
        """Within this context, every window takes the next recorded joules of this test."""
        before, self._test = self._test, test
        try:
            yield
        finally:
            self._test = before

    def measure(
        self, config: ExperimentConfig, test: str, wanted: int, keep: Keep, *, fresh: bool = False
    ) -> list[ExperimentResult]:
        """Measure `wanted` windows on one loaded model; at most two of those that are dropped are measured again.

        Args:
            config: the experiment.
            test: node id; it selects the recorded joules of a replay.
            wanted: number of windows.
            keep: called with each result as soon as it is measured.
            fresh: whether to measure in another process than this one.
        """
        results: list[ExperimentResult] = []
        with _plugin_api.open_experiment(
            config,
            session=self._session,
            metering=self.given,
            meter_name=self.meter_name if self.given is None else None,
            fresh=fresh,
        ) as experiment:
            while self.still_to_measure(results, wanted):
                with self.taking_joules_of(test):
                    results.append(experiment.measure())
                keep(results[-1])
        return results

    def still_to_measure(self, results: list[ExperimentResult], wanted: int) -> int:
        """The number of missing windows."""
        return more_to_measure([repeat_of(result) for result in results], wanted, self.least_window_s(results))

    def least_window_s(self, results: list[ExperimentResult]) -> float:
        """The shortest window that counts, in seconds: a sensor needs a minimum time, a recording does not."""
        sensed = any(result.energy_method in _SENSED for result in results)
        return self._settings.min_window_s if sensed else 0.0

    def measure_again(self, config: ExperimentConfig, test: str, wanted: int) -> tuple[list[ExperimentResult], str]:
        """Measure a second look in a fresh process. Returns the results and how they were measured; no results and the reason
        where that is impossible.

        Recorded joules are the same in every process: a second look takes the next values of the recording, if enough are left.
        """
        if self.replay is not None:
            if self.replay.left(test) < wanted:
                return [], "not measured again: the recording has no more joules"
            return self.measure(config, test, wanted, _keep_nothing), "measured again from the recording"
        if self.given is not None:
            return [], "not measured again: the meter of pytest_llem_make_meter stays in this process"
        return self.measure(config, test, wanted, _keep_nothing, fresh=True), "measured again in a fresh process"

    def close(self) -> None:
        """Release model and meter."""
        self._session.model_cache.drop()
        self._stack.close()


def _keep_nothing(result: ExperimentResult) -> None:
    """A second look leaves no file of its own."""
