"""Measures in a pytest session: its experiments share one meter, one loaded model and one idle power.

This module loads the heavy libraries. It is imported when the first test needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property

import pytest

from llenergymeasure import ExperimentConfig, ExperimentResult, _plugin_api
from llenergymeasure.config.meters import MeterSetting
from pytest_llem.baseline.repeats import Repeat, more_to_measure, repeat_of
from pytest_llem.measure import user_hooks
from pytest_llem.measure.replay import Replay, read_replay
from pytest_llem.settings import Settings

# Methods with a sensor: only for these the length of a window matters.
_SENSED = frozenset({"counter", "sampled", "estimated"})

_OPTION = MeterSetting("--llem-energy", "--llem-energy=auto")

Keep = Callable[[ExperimentResult], None]


class Measuring:
    """Measures experiments and windows.

    Args:
        settings: of the run.
        steps: receives the steps of each experiment; None = nothing does.
    """

    def __init__(self, settings: Settings, steps: _plugin_api.Progress | None = None) -> None:
        self._settings = settings
        self._made: dict[Hashable, _plugin_api.Metering | None] = {}
        self._session = _plugin_api.sharing_session(_OPTION, steps)
        self._stack = ExitStack()
        self._test: str | None = None

    @cached_property
    def replay(self) -> Replay | None:
        """The recorded joules that replace a sensor; None without them."""
        path = self._settings.replay_path
        return None if path is None else read_replay(path)

    @cached_property
    def _replaying(self) -> _plugin_api.Metering | None:
        replay = self.replay
        if replay is None:
            return None
        return _plugin_api.replaying(lambda: None if self._test is None else replay.next(self._test), replay.path.name)

    def given_for(self, item: pytest.Item) -> _plugin_api.Metering | None:
        """A meter that is not chosen by name: recorded joules, or the meter of a hook for this test; None without one."""
        if self._replaying is not None:
            return self._replaying
        makers = user_hooks.makers(item)
        if makers not in self._made:
            meter = user_hooks.own_meter(item, self._settings.energy)
            reason = "given by pytest_llem_make_meter"
            self._made[makers] = None if meter is None else _plugin_api.metering_with(meter, reason)
        return self._made[makers]

    @property
    def meter_name(self) -> str | None:
        """The meter that `--llem-energy` names; None = each experiment chooses."""
        return None if self._settings.energy == "auto" else self._settings.energy

    def metering_for(self, item: pytest.Item) -> _plugin_api.Metering:
        """The meter for windows of a test around any code.

        Raises:
            PreFlightError: the named meter is not available.
        """
        return self.given_for(item) or self._opened

    @cached_property
    def _opened(self) -> _plugin_api.Metering:
        return self._stack.enter_context(_plugin_api.open_meter(self._settings.energy, self._session))

    @contextmanager
    def taking_joules_of(self, test: str) -> Iterator[None]:
        """Within this context, every window takes the next recorded joules of this test."""
        before, self._test = self._test, test
        try:
            yield
        finally:
            self._test = before

    def measure(
        self, config: ExperimentConfig, item: pytest.Item, wanted: int, keep: Keep, *, fresh: bool = False
    ) -> list[ExperimentResult]:
        """Measure `wanted` windows on one loaded model; at most two of those that are dropped are measured again.

        Args:
            config: the experiment.
            item: the test; it selects the hooks, and the recorded joules of a replay.
            wanted: number of windows.
            keep: called with each result as soon as it is measured.
            fresh: whether to measure in another process than this one.
        """
        results: list[ExperimentResult] = []
        given = self.given_for(item)
        with _plugin_api.open_experiment(
            config,
            session=self._session,
            metering=given,
            meter_name=self.meter_name if given is None else None,
            fresh=fresh,
        ) as experiment:
            while self.still_to_measure(results, wanted):
                with self.taking_joules_of(item.nodeid):
                    results.append(experiment.measure())
                keep(results[-1])
        return results

    def still_to_measure(self, results: list[ExperimentResult], wanted: int) -> int:
        """The number of missing windows."""
        repeats = [repeat_of(result) for result in results]
        return more_to_measure(repeats, wanted, self.least_window_s(repeats))

    def least_window_s(self, repeats: Iterable[Repeat]) -> float:
        """The shortest window that counts, in seconds: a sensor needs a minimum time, a recording does not."""
        sensed = any(repeat.energy_method in _SENSED for repeat in repeats)
        return self._settings.min_window_s if sensed else 0.0

    def measure_again(
        self, config: ExperimentConfig, item: pytest.Item, wanted: int, keep: Keep
    ) -> tuple[list[ExperimentResult], str]:
        """Measure a second look in a fresh process. Returns the results and how they were measured; no results and the reason
        where that is impossible.

        Recorded joules are the same in every process: a second look takes the next values of the recording, if enough are left.
        """
        if self.replay is not None:
            if self.replay.left(item.nodeid) < wanted:
                return [], "not measured again: the recording has no more joules"
            return self.measure(config, item, wanted, keep), "measured again from the recording"
        if self.given_for(item) is not None:
            return [], "not measured again: the meter of pytest_llem_make_meter stays in this process"
        return self.measure(config, item, wanted, keep, fresh=True), "measured again in a fresh process"

    def close(self) -> None:
        """Release model and meters."""
        for made in self._made.values():
            if made is not None:
                user_hooks.release(made.meter)
        self._session.model_cache.drop()
        self._stack.close()
