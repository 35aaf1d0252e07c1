"""The gates of the windows in a test: which windows repeat the same code, and when there are enough of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import pytest

from llenergymeasure.stats.comparison import MIN_REPEATS
from pytest_llem.failure import failure
from pytest_llem.gated.repeats import Gated
from pytest_llem.limits import WINDOW_METRICS, Limit, LimitError, parse_limits
from pytest_llem.marker import Plan
from pytest_llem.measure.window import Window

if TYPE_CHECKING:
    from pytest_llem.measure.judged import Judged
    from pytest_llem.measure.services import Services
    from pytest_llem.measure.windows import Windows


class Gates:
    """The gated windows of one test.

    Args:
        services: of the pytest run.
        item: the test.
        runs: returns what the present attempt of the test has measured. Each new gate is added; without `--llem` there is none.
    """

    def __init__(self, services: Services, item: pytest.Item, runs: Callable[[], list[Judged]]) -> None:
        self._services, self._item, self._runs = services, item, runs

    def window(
        self,
        windows: Windows,
        name: str,
        output_tokens: int | None,
        gate: Mapping[str, object],
        repeats: int | None,
    ) -> Window:
        """A window under a gate. Windows of one name are repeats of the same code."""
        plan = self._plan(name, gate, repeats)
        settings = self._services.settings
        if not settings.active or settings.dry_run:
            return Window(windows, name, output_tokens)
        runs = self._runs()
        known = next((run for run in runs if isinstance(run, Gated) and run.name == name), None)
        if known is None:
            known = Gated(self._services, self._item, plan, windows, name)
            runs.append(known)
        elif known.plan != plan:
            raise failure(f"window {name!r} has two gates: {_shown(known.plan)}, and {_shown(plan)}; use two names")
        return known.window(output_tokens)

    def _plan(self, name: str, gate: Mapping[str, object], repeats: int | None) -> Plan:
        return Plan(
            config=None,
            repeats=_repeats(name, self._services.settings.repeats if repeats is None else repeats),
            limits=_limits(name, gate),
            test_id=f"{self._item.nodeid}::{name}",
        )


def _shown(plan: Plan) -> str:
    return f"{', '.join(map(str, plan.limits))} with {plan.repeats} repeats"


def _limits(name: str, gate: object) -> tuple[Limit, ...]:
    if not isinstance(gate, (str, list, tuple, Mapping)):
        raise failure(f"window {name!r}: gate: {gate!r} is not a mapping such as {{'energy_j': '5%'}}")
    try:
        limits = parse_limits(gate, WINDOW_METRICS)
    except LimitError as error:
        raise failure(f"window {name!r}: gate: {error}") from None
    if not limits:
        raise failure(f"window {name!r}: gate: there is no limit; write one such as {{'energy_j': '5%'}}")
    return limits


def _repeats(name: str, repeats: object) -> int:
    if not isinstance(repeats, int) or isinstance(repeats, bool) or repeats < MIN_REPEATS:
        raise failure(
            f"window {name!r}: repeats: {repeats!r} is too few: a verdict needs a whole number of at least {MIN_REPEATS}"
        )
    return repeats
