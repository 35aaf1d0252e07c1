"""From repeats and baselines to a verdict: which limits can be judged, and the verdict on each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from itertools import chain
from statistics import fmean, geometric_mean
from typing import Any

from llenergymeasure.stats.comparison import compare
from llenergymeasure.stats.values import UnusableValue
from pytest_llem.baseline.entries import Entry, Work
from pytest_llem.baseline.fingerprint import Fingerprint
from pytest_llem.baseline.folder import Baselines
from pytest_llem.baseline.lookup import CURABLE, Situation, age_note, situation, soft_changes
from pytest_llem.baseline.repeats import Refusal, Repeat, joule_gate_refusal, samples_of
from pytest_llem.limits import Limit
from pytest_llem.marker import Plan
from pytest_llem.settings import Settings
from pytest_llem.verdict.advice import advice_on, advice_on_budget, why_unusable
from pytest_llem.verdict.budget import check_budget
from pytest_llem.verdict.control import Shift, explaining_shift, machine_shift
from pytest_llem.verdict.verdict import Judgement, Verdict


@dataclass
class Case:
    """One experiment that was measured, with all that its verdict depends on.

    Attributes:
        plan: of its test.
        config: the configuration as in JSON.
        config_hash: its hash.
        looks: repeats that count, by session: those of the first look, then those of a second look.
        fingerprint: of this machine.
        why_no_energy: the answers of all meters; empty when energy was measured.
    """

    plan: Plan
    config: dict[str, Any]
    config_hash: str
    looks: Sequence[Sequence[Repeat]]
    fingerprint: Fingerprint
    why_no_energy: str = ""

    @property
    def repeats(self) -> tuple[Repeat, ...]:
        """The repeats of every look."""
        return tuple(chain.from_iterable(self.looks))

    @property
    def work(self) -> Work | None:
        """The computed work; None when no repeat counts."""
        return self.repeats[0].work if self.repeats else None


@dataclass
class Gate:
    """Judges the experiments of a run.

    Attributes:
        settings: of the run.
        baselines: as they were when the run started.
        folder: of the baselines, as reports show it.
        shifts_of: the shifts that each control found, by test and configuration.
    """

    settings: Settings
    baselines: Baselines
    folder: str
    shifts_of: dict[tuple[str, str], tuple[Shift, ...]] = field(default_factory=dict)

    def judge(self, case: Case) -> Verdict:
        """The verdict on one experiment with the present shifts. Calling this changes nothing."""
        found = self._found(case)
        entry = found.entry if found.kind in ("found", "work-changed") else None
        shifts = tuple(chain.from_iterable({**self.shifts_of, **self._own_shifts(case, found)}.values()))
        judgements = [self._judgement(limit, case, found, shifts) for limit in case.plan.limits]
        if found.kind == "work-changed" and not any(each.kind == "work-changed" for each in judgements):
            judgements.insert(0, Judgement("work", "", "unchanged", "work-changed", found.reason))
        return Verdict(
            judgements=tuple(judgements),
            baseline=None if entry is None else str(found.path),
            commit=None if entry is None else entry.sessions[-1].git_sha,
            notes=(*self._notes(case, entry), *(map(str, shifts) if case.plan.control else ())),
            reason=found.reason,
            situation=found.kind,
        )

    def record(self, case: Case) -> None:
        """Record the shifts of a control for all later verdicts; other experiments record nothing."""
        self.shifts_of.update(self._own_shifts(case, self._found(case)))

    @property
    def shift(self) -> str:
        """The first shift of a control as a sentence; empty without one."""
        return next((str(shift) for shifts in self.shifts_of.values() for shift in shifts), "")

    def forget(self, test_id: str, config_hash: str) -> None:
        """Forget the shifts of a control whose attempt does not count."""
        self.shifts_of.pop((test_id, config_hash), None)

    def _own_shifts(self, case: Case, found: Situation) -> dict[tuple[str, str], tuple[Shift, ...]]:
        if not case.plan.control or found.kind != "found" or found.entry is None:
            return {}
        return {(case.plan.test_id, case.config_hash): tuple(self._shifts(case, found.entry))}

    def _found(self, case: Case) -> Situation:
        """The baseline of the test, or why there is none, with advice. A run that updates baselines needs no such advice."""
        found = situation(self.baselines, case.fingerprint, case.plan.test_id, case.config, case.config_hash, case.work)
        if found.kind not in CURABLE:
            return found
        new = self.settings.update is None
        fix = "--llem-update-baseline=new writes one" if new else "this run writes one if the test passes"
        where = f" in {self.folder}" if found.kind == "new" else ""
        return replace(found, reason=f"{found.reason}{where}; {fix}")

    def _notes(self, case: Case, entry: Entry | None) -> Iterator[str]:
        if entry is not None:
            note = age_note(entry, datetime.now(timezone.utc), self.settings.max_age_days)
            if note:
                yield note
            changed = soft_changes(entry, case.fingerprint)
            if changed:
                yield f"since the baseline: {', '.join(map(str, changed))}"

    def _shifts(self, case: Case, entry: Entry) -> Iterator[Shift]:
        now = samples_of(case.repeats)
        for limit in case.plan.limits:
            if (
                limit.relative
                and not limit.known.counted
                and limit.metric in now
                and not self._no_joules(limit, case, entry)
            ):
                try:
                    shift = machine_shift(
                        limit.metric, entry.samples(limit.metric), now[limit.metric], self.settings.noise_floor
                    )
                except UnusableValue:
                    continue
                if shift is not None:
                    yield shift

    def _judgement(self, limit: Limit, case: Case, found: Situation, shifts: Sequence[Shift]) -> Judgement:
        known = limit.known
        samples = samples_of(case.repeats).get(limit.metric, ())
        now = fmean(samples) if samples else None
        measured: dict[str, Any] = {
            "metric": limit.metric,
            "unit": known.unit,
            "limit": limit.text,
            "samples": samples,
            "now": now,
        }
        if not samples:
            return Judgement(**measured, kind="not-measured", reason=self._why_not_measured(limit, case))
        refused = self._no_joules(limit, case, found.entry if limit.relative and found.kind == "found" else None)
        if refused:
            return Judgement(**measured, kind=refused.kind, reason=f"joules are not gated: {refused.text}")
        try:
            if not limit.relative:
                return self._within_budget(limit, samples, measured)
            if found.kind != "found" or found.entry is None:
                return Judgement(**measured, kind=found.kind, reason=found.reason, old=_old_value(limit, found))
            return self._compared(limit, found.entry, case.looks, measured, shifts)
        except UnusableValue as error:
            return Judgement(**measured, kind="not-comparable", reason=why_unusable(limit.metric, error))

    def _why_not_measured(self, limit: Limit, case: Case) -> str:
        if not case.repeats:
            return "no repeat is valid: all were dropped"
        if limit.known.joules:
            return f"energy not measured here: {case.why_no_energy or 'the meter gave no reading'}"
        if limit.known.counted and any(repeat.windowed for repeat in case.repeats):
            return f"{limit.metric} is not judged: a window of a server is a part of its traffic, not a fixed amount of work"
        return f"{limit.metric} was not measured here"

    def _no_joules(self, limit: Limit, case: Case, entry: Entry | None) -> Refusal | None:
        if not limit.known.joules:
            return None
        before = [session.energy_method for session in entry.sessions] if entry else []
        return joule_gate_refusal(case.repeats, before)

    def _within_budget(self, limit: Limit, samples: Sequence[float], measured: dict[str, Any]) -> Judgement:
        found = check_budget(
            samples, limit.value, alpha=self.settings.alpha, higher_is_worse=limit.known.higher_is_worse
        )
        kind = "over-budget" if found.verdict == "over" else found.verdict
        return Judgement(**measured, kind=kind, reason=advice_on_budget(found), p_value=found.p_value)

    def _compared(
        self,
        limit: Limit,
        entry: Entry,
        looks: Sequence[Sequence[Repeat]],
        measured: dict[str, Any],
        shifts: Sequence[Shift],
    ) -> Judgement:
        before = entry.samples(limit.metric)
        if not before:
            return Judgement(**measured, kind="new", reason=f"the baseline has no {limit.metric}; append a session")
        found = compare(
            before,
            [samples_of(look)[limit.metric] for look in looks],
            limit=limit.value,
            alpha=self.settings.alpha,
            noise_floor=0.0 if limit.known.counted else self.settings.noise_floor,
            higher_is_worse=limit.known.higher_is_worse,
        )
        shift = explaining_shift(limit.known, shifts)
        excused = shift is not None and found.verdict == "regression"
        return Judgement(
            **measured,
            kind="not-comparable" if excused else found.verdict,
            suspected=found.suspected and shift is None,
            reason=str(shift) if excused else advice_on(found),
            baseline=geometric_mean([value for session in before for value in session]),
            ratio=found.ratio,
            ratio_low=found.ratio_low,
            ratio_high=found.ratio_high,
            p_value=found.p_value,
            minimum_detectable_ratio=found.minimum_detectable_ratio,
            baseline_samples=before,
            sessions=found.n_baseline_sessions,
        )


def _old_value(limit: Limit, found: Situation) -> float | None:
    """The value with the configuration before it changed: the effect of the change is shown, and no verdict depends on it."""
    if found.kind != "stale" or found.entry is None:
        return None
    values = list(chain.from_iterable(found.entry.samples(limit.metric)))
    return geometric_mean(values) if values and min(values) > 0 else None
