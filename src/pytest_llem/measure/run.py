"""One measured experiment: its repeats, its verdict, and the assertions for tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import pytest

from llenergymeasure import ExperimentConfig, ExperimentResult
from pytest_llem.baseline.fingerprint import Fingerprint, fingerprint_of
from pytest_llem.baseline.repeats import Dropped, Repeat, joule_gate_refusal, repeat_of, samples_of, sort_repeats
from pytest_llem.failure import fail, fail_by_verdict, failure
from pytest_llem.limits import LimitError, known_metric
from pytest_llem.marker import Plan
from pytest_llem.measure import user_hooks
from pytest_llem.measure.second_look import SecondLook, look_again
from pytest_llem.measure.services import Services
from pytest_llem.plain_values import plain
from pytest_llem.verdict.gate import Case
from pytest_llem.verdict.verdict import Judgement, Verdict
from pytest_llem.verdict.wording import failure_message

if TYPE_CHECKING:
    from llenergymeasure._plugin_api import MeasurementWarning

# A verdict that the requested update of the baselines resolves does not fail the test. Every update adds missing entries;
# `replace` also replaces existing ones.
_ENTERED = frozenset({"new", "stale", "not-comparable"})
_REPLACED = frozenset({"regression", "work-changed", "inconclusive"})


class Run:
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
        self._services, self._item = services, item
        self.requested, self.label, self.repeated = requested, label, repeated
        self._all: list[ExperimentResult] = []
        self._second_look: SecondLook | None = None
        self._final: Verdict | None = None
        self._machine: Fingerprint | None = None
        self.problem = "the test ended before all repeats were measured"
        self.config, self.plan = config, plan
        self.files: list[Path] = []
        self.dropped: tuple[Dropped, ...] = ()
        self.kept: tuple[Repeat, ...] = ()  # of the first look
        self.gated = False  # whether gate() has run
        self.gate_failed = False  # whether its verdict fails the test
        self.asserted = False  # whether the test compared a metric with a limit of its own

    def measure_all(self) -> None:
        """Measure; each result is written at once."""
        measuring = self._services.measuring
        measuring.measure(self.config, self._item, self.plan.repeats, self._keep)
        found = sort_repeats([repeat_of(each) for each in self._all], measuring.least_window_s(self._all))
        self.kept, self.dropped = found.kept, found.dropped
        self._machine = fingerprint_for(self._services, self._item, self._all[0])

    def _keep(self, result: ExperimentResult) -> None:
        self._all.append(result)
        self._write(result)

    def _write(self, result: ExperimentResult) -> None:
        self.files += self._services.results.write(self._item.nodeid, result)

    @property
    def measured(self) -> bool:
        """Whether all of its repeats were measured on a known machine, so that it can be judged."""
        return self._machine is not None

    @property
    def title(self) -> str:
        """The name of its baseline, and its label."""
        return f"{self.plan.test_id} ({self.label})" if self.label else self.plan.test_id

    @property
    def warnings(self) -> tuple[MeasurementWarning, ...]:
        """The warnings of its results, one of each code."""
        found = {each.code: each for result in self.results or self._all for each in result.warnings}
        return tuple(found.values())

    @property
    def results(self) -> list[ExperimentResult]:
        """The result of every repeat that counts; those of a second look are last."""
        dropped = {each.index for each in self.dropped}
        return [*(each for number, each in enumerate(self._all) if number not in dropped), *self._again]

    @property
    def result(self) -> ExperimentResult:
        """The result of the first repeat that counts; the first result when none counts."""
        return (self.results or self._all)[0]

    @property
    def _again(self) -> tuple[ExperimentResult, ...]:
        return () if self._second_look is None else self._second_look.results

    @property
    def pooled(self) -> tuple[Repeat, ...]:
        """Repeats that count, including those of a second look."""
        return (*self.kept, *map(repeat_of, self._again))

    @property
    def fingerprint(self) -> Fingerprint:
        """The machine, with the changes by hooks and recordings."""
        assert self._machine is not None, "known when the experiment was measured"
        return self._machine

    @property
    def simulated(self) -> bool:
        """Whether the joules come from a recording."""
        return (
            any(result.energy_method == "replayed" for result in self._all)
            or self._services.measuring.replay is not None
        )

    def samples(self, metric: str) -> list[float]:
        """Values of a metric, one per repeat that counts; empty when it was not measured.

        Raises:
            LimitError: there is no such metric.
        """
        known_metric(metric)
        return list(samples_of(self.pooled).get(metric, ()))

    @property
    def verdict(self) -> str:
        """ok, improved, new, stale, not-comparable, not-measured, inconclusive, work-changed, over-budget or regression."""
        return self.found.kind if self.measured else "error"

    @property
    def found(self) -> Verdict:
        """The verdict with its judgements: provisional while the test runs, final when the hooks have received it."""
        return self._final or self._judged()

    def _judged(self) -> Verdict:
        found = self._services.gate.judge(self._case())
        place = None if found.baseline is None else self._services.shown(Path(found.baseline))
        look = None if self._second_look is None else self._second_look.outcome
        return replace(found, baseline=place, remeasured=look)

    def _case(self) -> Case:
        return Case(
            plan=self.plan,
            config=self.config.model_dump(mode="json", exclude_none=True),
            config_hash=self.config.config_hash,
            looks=[look for look in (self.kept, tuple(map(repeat_of, self._again))) if look],
            fingerprint=self.fingerprint,
            why_no_energy=self._all[0].energy.reason or "",
        )

    def assert_below(self, metric: str, limit: float) -> None:
        """Fail unless the mean of a metric is below a limit in its unit. Without a value, skip or (`--llem-strict`) fail."""
        try:
            known = known_metric(metric)
        except LimitError as error:
            raise failure(f"assert_below: {error}") from None
        values = self.samples(metric)
        refused = joule_gate_refusal(self.pooled) if known.joules else None
        if not values or refused:
            reason = self._all[0].energy.reason if known.joules and not values else None
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
        if self.found.judgements and all(each.kind == "not-measured" for each in self.found.judgements):
            self._not_measured(self.found.judgements[0].reason)

    def failure_message(self, failed: Sequence[Judgement]) -> str:
        """The message of a test that these judgements fail."""
        message = failure_message(self.found, failed)
        return f"with {self.label}:\n{message}" if self.label else message

    def _about(self, metric: str) -> str:
        return f"{metric} with {self.label}" if self.label else metric

    def gate(self) -> list[Judgement]:
        """The judgements that fail the test. A suspected regression gets a second look, which decides."""
        self.gated = True
        if self._second_look is None and self._final is None and self._may_be_chance():
            self._second_look = look_again(
                self._services.measuring, self.config, self._item, self.plan.repeats, self.kept, self._write
            )
        self.announce()
        failing = self._failing()
        self.gate_failed = bool(failing)
        return failing

    def _may_be_chance(self) -> bool:
        return any(each.suspected for each in self.found.judgements) and not self._about_to_change("regression")

    def announce(self) -> None:
        """Pass the verdict to the hooks, once. It is final from then on."""
        if self._final is None:
            self._final = self._judged()
            user_hooks.announce(self._item, self._final)

    def conclude(self) -> None:
        """The test has ended: the verdict is final, and the shifts of a control apply to later tests."""
        self._final = self.found
        self._services.gate.record(self._case())

    def withdraw(self) -> None:
        """Its attempt does not count: a control of it has observed nothing."""
        self._services.gate.forget(self.plan.test_id, self.config.config_hash)

    def _failing(self) -> list[Judgement]:
        settings = self._services.settings
        failures = self.found.failures(settings.strict, settings.inconclusive)
        return [each for each in failures if not self._about_to_change(each.kind)]

    def _about_to_change(self, kind: str) -> bool:
        update = self._services.settings.update
        entered = update is not None and kind == self.found.situation and kind in _ENTERED
        return entered or (update == "replace" and kind in _REPLACED)

    def _not_measured(self, reason: str) -> None:
        if self._services.settings.strict:
            fail(f"not measured, and --llem-strict is on: {reason}")
        pytest.skip(reason)

    def properties(self, among_several: bool = False) -> Iterable[tuple[str, Any]]:
        """Properties for junit and the terminal, as plain values; their names have the label where a test has several runs."""
        suffix = f"[{self.label}]" if among_several and self.label else ""
        yield f"llem.verdict{suffix}", self.verdict
        for metric, values in samples_of(self.pooled).items():
            yield f"llem.{metric}{suffix}", plain(fmean(values))
        worst = self.found.worst
        if worst is not None and worst.ratio is not None:
            yield f"llem.ratio{suffix}", plain(worst.ratio)
        if self.files:  # not when the folder is read-only
            yield f"llem.result{suffix}", self._services.shown(self.files[0])


def fingerprint_for(services: Services, item: pytest.Item, result: ExperimentResult) -> Fingerprint:
    """The machine of a result; a recording may name another machine, and hooks may change the hard identity."""
    found = fingerprint_of(result.environment_snapshot, result.meter.name)
    replay = services.measuring.replay
    hard = dict(found.hard) if replay is None or not replay.fingerprint else dict(replay.fingerprint)
    hard = user_hooks.changed_fingerprint(item, hard)
    if replay is not None:
        hard["meter"] = "replay"
    return Fingerprint(hard, found.soft)
