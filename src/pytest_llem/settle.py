"""Decides by the verdicts how a test ends that measured something and passed by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from pytest_llem.failure import fail_by_verdict
from pytest_llem.measure.record import Record
from pytest_llem.stash import State
from pytest_llem.verdict.verdict import Judgement


def settle(state: State, item: pytest.Item) -> None:
    """Fail or skip the test by its verdicts; an inconclusive verdict is a warning where the settings ask for it."""
    record = state.record(item)
    messages = list(_messages(record))
    if messages:
        fail_by_verdict("\n".join(messages))
    judged = [each for run in record.runs if run.plan.gate for each in run.found.judgements]
    if judged and all(each.kind == "not-measured" for each in judged) and not any(run.asserted for run in record.runs):
        pytest.skip(judged[0].reason)
    _warn_inconclusive(state, item, judged)


def _messages(record: Record) -> Iterator[str]:
    """Why the test fails, per experiment; an experiment that the test has judged itself is left out."""
    for run in record.runs:
        if not run.plan.gate:
            run.announce()
        elif not run.gated:
            failures = run.gate()
            if failures:
                yield run.failure_message(failures)


def _warn_inconclusive(state: State, item: pytest.Item, judged: Sequence[Judgement]) -> None:
    if state.settings.inconclusive == "warn":
        for each in judged:
            if each.kind == "inconclusive":
                item.warn(pytest.PytestWarning(f"llem: {each.metric} is inconclusive: {each.reason}"))
