"""One measured experiment: its repeats, its verdict, and the assertions for tests."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean
from typing import TYPE_CHECKING, Any

import pytest

from llenergymeasure import ExperimentConfig, ExperimentResult
from pytest_llem.baseline.repeats import Repeat, joule_gate_refusal, repeat_of, samples_of, sort_repeats
from pytest_llem.failure import fail, fail_by_verdict, failure
from pytest_llem.limits import LimitError, known_metric
from pytest_llem.marker import Plan
from pytest_llem.measure.judged import Judged, Origin, fingerprint_for
from pytest_llem.measure.second_look import SecondLook, look_again
from pytest_llem.measure.services import Services

if TYPE_CHECKING:
    from llenergymeasure._plugin_api import MeasurementWarning


class Run(Judged):
    """One measured experiment.

    Args:
        services: of the pytest run.
        item: the test.
        plan: of the test.
        config: the experiment.
        requested: the experiment before the hooks changed it.
        label: what differs from the other runs of the test; empty for its usual configuration.
        repeated: whether the test has measured this configuration before: baselines take the first run only.

    Attributes:
        problem: why it was not measured; of no meaning when it was.
        config: the measured configuration.
        files: path of the result of each repeat, in the order of measuring; those of a second look are last.
        dropped: repeats that do not count, with their causes.
    """

    def __init__(
        self,
        services: Services,
        item: pytest.Item,
        plan: Plan,
        config: ExperimentConfig,
        requested: ExperimentConfig,
        label: str = "",
        repeated: bool = False,
    ) -> None:
        super().__init__(services, item, plan, label, repeated)
        self.config, self.requested = config, requested
        self._all: list[ExperimentResult] = []
        self._second_look: SecondLook | None = None

    def measure_all(self) -> None:
        """Measure; each result is written at once."""
        measuring = self._services.measuring
        measuring.measure(self.config, self._item, self.plan.repeats, self._keep)
        repeats = [repeat_of(each) for each in self._all]
        found = sort_repeats(repeats, measuring.least_window_s(repeats))
        self.kept, self.dropped = found.kept, found.dropped
        self._machine = fingerprint_for(self._services, self._item, self.origin)

    def _keep(self, result: ExperimentResult) -> None:
        self._all.append(result)
        self._write(result)

    def _write(self, result: ExperimentResult) -> None:
        self.files += self._services.results.write(self._item.nodeid, result)

    @property
    def identity(self) -> Mapping[str, Any]:
        """The configuration as in JSON."""
        return self.config.model_dump(mode="json", exclude_none=True)

    @property
    def config_hash(self) -> str:
        """The hash of the configuration."""
        return self.config.config_hash

    @property
    def origin(self) -> Origin:
        """Where and how it was measured."""
        first = self.result
        return Origin(
            environment=first.environment_snapshot,
            meter=first.meter.name,
            finished_at=first.finished_at,
            energy_method=first.energy_method,
            why_no_energy=first.energy.reason or "",
        )

    @property
    def warnings(self) -> tuple[MeasurementWarning, ...]:
        """The warnings of its results, one of each code."""
        found = {each.code: each for result in self.results or self._all for each in result.warnings}
        return tuple(found.values())

    @property
    def results(self) -> list[ExperimentResult]:
        """The result of every repeat that counts; those of a second look are last."""
        dropped = {each.index for each in self.dropped}
        again = () if self._second_look is None else self._second_look.results
        return [*(each for number, each in enumerate(self._all) if number not in dropped), *again]

    @property
    def result(self) -> ExperimentResult:
        """The result of the first repeat that counts; the first result when none counts."""
        return (self.results or self._all)[0]

    @property
    def again(self) -> tuple[Repeat, ...]:
        """Repeats of a second look."""
        return () if self._second_look is None else tuple(map(repeat_of, self._second_look.results))

    @property
    def _remeasured(self) -> str | None:
        return None if self._second_look is None else self._second_look.outcome

    def _look_again(self) -> None:
        self._second_look = look_again(
            self._services.measuring, self.config, self._item, self.plan.repeats, self.kept, self._write
        )

    def samples(self, metric: str) -> list[float]:
        """Values of a metric, one per repeat that counts; empty when it was not measured.

        Raises:
            LimitError: there is no such metric.
        """
        known_metric(metric)
        return list(samples_of(self.pooled).get(metric, ()))

    def assert_below(self, metric: str, limit: float) -> None:
        """Fail unless the mean of a metric is below a limit in its unit. Without a value, skip or (`--llem-strict`) fail."""
        try:
            known = known_metric(metric)
        except LimitError as error:
            raise failure(f"assert_below: {error}") from None
        values = self.samples(metric)
        refused = joule_gate_refusal(self.pooled) if known.joules else None
        if not values or refused:
            reason = self.origin.why_no_energy if known.joules and not values else None
            self._not_measured(
                f"{metric}: {refused.text if refused else 'not measured here'}{f': {reason}' if reason else ''}"
            )
            return
        self.asserted = True
        if not fmean(values) < limit:
            shown = " ".join(f"{value:.4g}" for value in values)
            fail(f"{self._about(metric)} is {fmean(values):.4g} {known.unit}, not below {limit:g}\n  samples {shown}")

    def assert_no_regression(self) -> None:
        """Fail when the verdict is a failing one, such as a regression against the committed baseline."""
        failed = self.gate()
        if failed:
            fail_by_verdict(self.failure_message(failed))
        if self.found.unmeasured:
            self._not_measured(self.found.judgements[0].reason)

    def _about(self, metric: str) -> str:
        return f"{metric} with {self.label}" if self.label else metric

    def _not_measured(self, reason: str) -> None:
        if self._services.settings.strict:
            fail(f"not measured, and --llem-strict is on: {reason}")
        pytest.skip(reason)
