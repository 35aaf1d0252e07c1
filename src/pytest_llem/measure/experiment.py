"""The `llm_experiment` fixture: measures an experiment, and what its test can then ask and assert."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any, NoReturn

import pytest

from llenergymeasure import ExperimentConfig, ExperimentResult, _plugin_api
from pytest_llem.baseline.fingerprint import Fingerprint, fingerprint_of
from pytest_llem.baseline.repeats import (
    Dropped,
    Repeat,
    joule_gate_refusal,
    pooling_refusal,
    repeat_of,
    samples_of,
    sort_repeats,
)
from pytest_llem.limits import LimitError, known_metric
from pytest_llem.marker import Plan
from pytest_llem.measure.replay import ReplayError
from pytest_llem.plain_values import plain
from pytest_llem.stash import State
from pytest_llem.verdict.gate import Case
from pytest_llem.verdict.verdict import Judgement, Verdict
from pytest_llem.verdict.wording import failure_message

# What an update of the baselines is there to change does not fail the test that brings the change: every update enters
# what has no baseline, `replace` also takes the place of one.
_ENTERED = frozenset({"new", "stale", "not-comparable"})
_REPLACED = frozenset({"regression", "work-changed", "inconclusive"})


class Experiments:
    """What the `llm_experiment` fixture gives: call it to measure.

    Args:
        state: of the pytest run.
        item: the test.
        plan: what its marker says.
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
        if self._plan.config is None and "model" not in given:
            _fail(
                "llm_experiment has no config: give the marker one, @pytest.mark.llem(config=...), or call it with model=..."
            )
        try:
            return _plugin_api.make_config({} if self._plan.config is None else self._plan.config, given)
        except _plugin_api.ConfigError as error:
            raise _failure(f"llm_experiment: {error}") from None


def measure(state: State, item: pytest.Item, plan: Plan, config: ExperimentConfig) -> Run:
    """Measure an experiment for a test; a problem fails the test in words."""
    changed = item.config.hook.pytest_llem_modify_config(item=item, config=config)
    run = Run(state, item, plan, config if changed is None else changed)
    record = state.record(item)
    _refuse_twin(state, run, record.test)
    record.plan = plan
    record.runs.append(run)
    try:
        run.measure_all()
    except (_plugin_api.LLEMError, ReplayError) as error:
        raise _failure(str(error)) from None
    return run


def _refuse_twin(state: State, run: Run, test: str) -> None:
    """One baseline of two tests would be written by one and held against the other."""
    same = (run.plan.test_id, run.config.config_hash)
    for record in state.records.values():
        for other in record.runs:
            if record.test != test and (other.plan.test_id, other.config.config_hash) == same:
                _fail(f"id {same[0]!r} with this configuration is of {record.test} already; give each test its own id")


class Run:
    """One measured experiment.

    Attributes:
        config: what was measured.
        files: where the result of each repeat is, in the order of measuring.
        dropped: repeats that do not count, with their causes.
    """

    def __init__(self, state: State, item: pytest.Item, plan: Plan, config: ExperimentConfig) -> None:
        self._state, self._item, self._plan = state, item, plan
        self._all: list[ExperimentResult] = []
        self._again: list[ExperimentResult] = []
        self._found: Verdict | None = None
        self._second_look: str | None = None
        self.config = config
        self.files: list[Path] = []
        self.dropped: tuple[Dropped, ...] = ()
        self.kept: tuple[Repeat, ...] = ()
        self.gated = False
        self.told = False
        self.asserted = False

    def measure_all(self) -> None:
        """Measure; each result is written at once."""
        self._state.measuring.measure(self.config, self._item.nodeid, self._plan.repeats, self._keep)
        self._sort()

    def _keep(self, result: ExperimentResult) -> None:
        self._all.append(result)
        name = _plugin_api.sanitise_name(self._item.nodeid, 150)
        folder = self._state.folder
        number = sum(1 for run in self._state.record(self._item).runs for _ in run.files)
        self.files.append(result.to_json(folder / f"{name}.{number + 1}.json"))

    def _sort(self) -> None:
        found = sort_repeats([repeat_of(each) for each in self._all], self._state.measuring.least_window_s(self._all))
        self.kept, self.dropped = found.kept, found.dropped

    @property
    def results(self) -> list[ExperimentResult]:
        """The result of every repeat that counts, a second look's behind the others."""
        dropped = {each.index for each in self.dropped}
        return [*(each for number, each in enumerate(self._all) if number not in dropped), *self._again]

    @property
    def result(self) -> ExperimentResult:
        """The first repeat that counts; the first of all when none does."""
        return (self.results or self._all)[0]

    @property
    def plan(self) -> Plan:
        """What the test asks for."""
        return self._plan

    @property
    def pooled(self) -> tuple[Repeat, ...]:
        """Repeats that count, a second look's among them."""
        return (*self.kept, *map(repeat_of, self._again))

    @property
    def fingerprint(self) -> Fingerprint:
        """The machine, as hooks and recordings have it."""
        return fingerprint_for(self._state, self._all[0])

    @property
    def simulated(self) -> bool:
        """Whether the joules are recorded ones."""
        return (
            any(result.energy_method == "replayed" for result in self._all) or self._state.measuring.replay is not None
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
        return self.found.kind

    @property
    def found(self) -> Verdict:
        """The verdict, metric by metric."""
        if self._found is None:
            found = self._state.gate.judge(self._case())
            place = None if found.baseline is None else self._state.shown(Path(found.baseline))
            self._found = replace(found, baseline=place, remeasured=self._second_look)
        return self._found

    def _case(self) -> Case:
        return Case(
            plan=self._plan,
            config=self.config.model_dump(mode="json", exclude_none=True),
            config_hash=self.config.config_hash,
            repeats=self.pooled,
            fingerprint=self.fingerprint,
            why_no_energy=self._all[0].energy.reason or "",
        )

    def assert_below(self, metric: str, limit: float) -> None:
        """Fail unless the mean of a metric is below a limit in its unit; not measured is no pass."""
        try:
            known = known_metric(metric)
        except LimitError as error:
            raise _failure(f"assert_below: {error}") from None
        values = self.samples(metric)
        refused = joule_gate_refusal(self.pooled) if known.joules else None
        if not values or refused:
            reason = self._all[0].energy.reason if known.joules and not values else None
            self._not_measured(f"{metric}: {refused or 'not measured here'}{f': {reason}' if reason else ''}")
            return
        self.asserted = True
        if not fmean(values) < limit:
            shown = " ".join(f"{value:.4g}" for value in values)
            _fail(f"{metric} is {fmean(values):.4g} {known.unit}, not below {limit:g}\n  samples {shown}")

    def assert_no_regression(self) -> None:
        """Fail on what the verdict says is worse than the committed baseline allows."""
        failed = self.gate()
        if failed:
            self._state.record(self._item).gate_failed = True
            _fail(failure_message(self.found, failed))
        if self.found.judgements and all(each.kind == "not-measured" for each in self.found.judgements):
            self._not_measured(self.found.judgements[0].reason)

    def gate(self) -> list[Judgement]:
        """What fails the test. A first regression is looked at a second time, and fails only if it still stands."""
        self.gated = True
        if any(each.kind == "regression" for each in self.found.judgements) and self._failing():
            self._look_again()
        self.tell()
        return self._failing()

    def tell(self) -> None:
        """Tell the verdict to the hooks, once."""
        if not self.told:
            self.told = True
            self._item.config.hook.pytest_llem_verdict(item=self._item, verdict=self.found)

    def _failing(self) -> list[Judgement]:
        settings = self._state.settings
        failures = self.found.failures(settings.strict, settings.inconclusive)
        return [each for each in failures if not self._about_to_change(each.kind)]

    def _about_to_change(self, kind: str) -> bool:
        update = self._state.settings.update
        entered = update is not None and kind == self.found.situation and kind in _ENTERED
        return entered or (update == "replace" and kind in _REPLACED)

    def _look_again(self) -> None:
        if self._second_look is not None:
            return
        try:
            again, self._second_look = self._state.measuring.measure_again(
                self.config, self._item.nodeid, self._plan.repeats
            )
        except (_plugin_api.LLEMError, ReplayError) as error:
            again, self._second_look = [], f"not measured again: {error}"
        found = sort_repeats([repeat_of(each) for each in again], self._state.measuring.least_window_s(again))
        dropped = {each.index for each in found.dropped}
        refusal = pooling_refusal(self.kept, found.kept) if again else None
        if refusal:
            self._second_look += f", not pooled: {refusal}"
        elif again:
            self._again = [each for number, each in enumerate(again) if number not in dropped]
            self._second_look += f": {len(self._again)} more repeats, pooled"
        self._found = None

    def _not_measured(self, reason: str) -> None:
        if self._state.settings.strict:
            _fail(f"not measured, and --llem-strict is on: {reason}")
        pytest.skip(reason)

    def properties(self) -> Iterable[tuple[str, Any]]:
        """For junit and the terminal: plain values only."""
        yield "llem.verdict", self.verdict
        for metric, values in samples_of(self.pooled).items():
            yield f"llem.{metric}", plain(fmean(values))
        worst = self.found.worst
        if worst is not None and worst.ratio is not None:
            yield "llem.ratio", plain(worst.ratio)
        if self.files:
            yield "llem.result", self._state.shown(self.files[0])


def fingerprint_for(state: State, result: ExperimentResult) -> Fingerprint:
    """The machine of a result; a recording may name another, and hooks may change what counts."""
    found = fingerprint_of(result.environment_snapshot, result.meter.name)
    replay = state.measuring.replay
    hard = dict(found.hard) if replay is None or not replay.fingerprint else dict(replay.fingerprint)
    state.config.hook.pytest_llem_fingerprint(config=state.config, fingerprint=hard)
    hard = {name: None if value is None else plain(value) for name, value in hard.items()}
    if replay is not None:
        hard["meter"] = "replay"
    return Fingerprint(hard, found.soft)


def settle(state: State, item: pytest.Item) -> None:
    """The test itself passed: let the verdicts speak."""
    record = state.record(item)
    failed: list[tuple[Verdict, Sequence[Judgement]]] = []
    for run in record.runs:
        if not run.plan.gate:
            run.tell()
        elif not run.gated:
            failures = run.gate()
            if failures:
                failed.append((run.found, failures))
    if failed:
        record.gate_failed = True
        _fail("\n".join(failure_message(verdict, failures) for verdict, failures in failed))
    judged = [each for run in record.runs if run.plan.gate for each in run.found.judgements]
    if judged and all(each.kind == "not-measured" for each in judged) and not any(run.asserted for run in record.runs):
        pytest.skip(judged[0].reason)
    _warn_inconclusive(state, item, judged)


def _warn_inconclusive(state: State, item: pytest.Item, judged: Sequence[Judgement]) -> None:
    if state.settings.inconclusive == "warn":
        for each in judged:
            if each.kind == "inconclusive":
                item.warn(pytest.PytestWarning(f"llem: {each.metric} is inconclusive: {each.reason}"))


def _fail(message: str) -> NoReturn:
    raise _failure(message)


def _failure(message: str) -> BaseException:
    """A failure that shows its message and no traceback."""
    return pytest.fail.Exception(message, pytrace=False)
