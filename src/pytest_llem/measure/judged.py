"""Repeats that get a verdict: what a measured experiment and a measured window have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llem.baseline.fingerprint import Fingerprint, fingerprint_of
from pytest_llem.baseline.repeats import Dropped, Repeat, samples_of
from pytest_llem.measure import user_hooks
from pytest_llem.measure.services import Services
from pytest_llem.plain_values import plain
from pytest_llem.verdict.gate import Case
from pytest_llem.verdict.verdict import Judgement, Verdict
from pytest_llem.verdict.wording import failure_message

if TYPE_CHECKING:
    from llenergymeasure._plugin_api import EnvironmentSnapshot, MeasurementWarning
    from pytest_llem.marker import Plan

# A verdict that the requested update of the baselines resolves does not fail the test. Every update adds missing entries;
# `replace` also replaces existing ones.
_ENTERED = frozenset({"new", "stale", "not-comparable"})
_REPLACED = frozenset({"regression", "work-changed", "inconclusive"})


@dataclass(frozen=True)
class Origin:
    """Where, when and how repeats were measured.

    Attributes:
        environment: the machine and its software.
        meter: name of the meter.
        finished_at: UTC, ISO 8601.
        energy_method: counter, sampled, estimated or replayed; None when energy was not measured.
        why_no_energy: the answers of all meters; empty when energy was measured.
    """

    environment: EnvironmentSnapshot
    meter: str
    finished_at: str
    energy_method: str | None
    why_no_energy: str


class Judged(ABC):
    """Repeats of one configuration in one test, and their verdict.

    Args:
        services: of the pytest run.
        item: the test.
        plan: of the test.
        label: what differs from the other runs of the test; empty for its usual configuration.
        repeated: whether the test has measured this configuration before: baselines take the first run only.

    Attributes:
        problem: why it was not measured; of no meaning when it was.
        files: path of the result of each repeat, in the order of measuring; those of a second look are last.
        dropped: repeats that do not count, with their causes.
        kept: repeats of the first look that count.
        gated: whether `gate` has run.
        gate_failed: whether its verdict fails the test.
        asserted: whether the test compared a metric with a limit of its own.
    """

    def __init__(
        self, services: Services, item: pytest.Item, plan: Plan, label: str = "", repeated: bool = False
    ) -> None:
        self._services, self._item = services, item
        self._final: Verdict | None = None
        self._machine: Fingerprint | None = None
        self.plan, self.label, self.repeated = plan, label, repeated
        self.problem = "the test ended before all repeats were measured"
        self.files: list[Path] = []
        self.dropped: tuple[Dropped, ...] = ()
        self.kept: tuple[Repeat, ...] = ()
        self.gated = self.gate_failed = self.asserted = False

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, Any]:
        """What was measured, as in JSON."""

    @property
    @abstractmethod
    def config_hash(self) -> str:
        """The hash of what was measured."""

    @property
    @abstractmethod
    def origin(self) -> Origin:
        """Where and how it was measured."""

    @property
    def again(self) -> tuple[Repeat, ...]:
        """Repeats of a second look."""
        return ()

    @property
    def warnings(self) -> tuple[MeasurementWarning, ...]:
        """The warnings of its results, one of each code."""
        return ()

    @abstractmethod
    def _look_again(self) -> None:
        """Measure a suspected regression again, or note why that is not possible."""

    @property
    @abstractmethod
    def _remeasured(self) -> str | None:
        """The outcome of the second look; None when there was none."""

    @property
    def measured(self) -> bool:
        """Whether all of its repeats were measured on a known machine, so that it can be judged."""
        return self._machine is not None

    @property
    def title(self) -> str:
        """The name of its baseline, and its label."""
        return f"{self.plan.test_id} ({self.label})" if self.label else self.plan.test_id

    @property
    def pooled(self) -> tuple[Repeat, ...]:
        """Repeats that count, including those of a second look."""
        return (*self.kept, *self.again)

    @property
    def fingerprint(self) -> Fingerprint:
        """The machine, with the changes by hooks and recordings."""
        assert self._machine is not None, "known when it was measured"
        return self._machine

    @property
    def simulated(self) -> bool:
        """Whether the joules come from a recording."""
        return self._services.measuring.replay is not None or self.origin.energy_method == "replayed"

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
        return replace(found, baseline=place, remeasured=self._remeasured)

    def _case(self) -> Case:
        return Case(
            plan=self.plan,
            config=dict(self.identity),
            config_hash=self.config_hash,
            looks=[look for look in (self.kept, self.again) if look],
            fingerprint=self.fingerprint,
            why_no_energy=self.origin.why_no_energy,
        )

    def failure_message(self, failed: Sequence[Judgement]) -> str:
        """The message of a test that these judgements fail."""
        message = failure_message(self.found, failed)
        return f"with {self.label}:\n{message}" if self.label else message

    def gate(self) -> list[Judgement]:
        """The judgements that fail the test. A suspected regression gets a second look, which decides."""
        self.gated = True
        if self._remeasured is None and self._final is None and self._may_be_chance():
            self._look_again()
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
        self._services.gate.forget(self.plan.test_id, self.config_hash)

    def _failing(self) -> list[Judgement]:
        settings = self._services.settings
        failures = self.found.failures(settings.strict, settings.inconclusive)
        return [each for each in failures if not self._about_to_change(each.kind)]

    def _about_to_change(self, kind: str) -> bool:
        update = self._services.settings.update
        entered = update is not None and kind == self.found.situation and kind in _ENTERED
        return entered or (update == "replace" and kind in _REPLACED)

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


def fingerprint_for(services: Services, item: pytest.Item, origin: Origin) -> Fingerprint:
    """The machine of an origin; a recording may name another machine, and hooks may change the hard identity."""
    found = fingerprint_of(origin.environment, origin.meter)
    replay = services.measuring.replay
    hard = dict(found.hard) if replay is None or not replay.fingerprint else dict(replay.fingerprint)
    hard = user_hooks.changed_fingerprint(item, hard)
    if replay is not None:
        hard["meter"] = "replay"
    return Fingerprint(hard, found.soft)
