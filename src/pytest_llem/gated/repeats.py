"""Windows of one name under a gate: repeats of the same code, with a baseline and a verdict as an experiment has them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llem.baseline.entries import Work
from pytest_llem.baseline.repeats import Repeat, more_to_measure, sort_repeats
from pytest_llem.failure import failure
from pytest_llem.marker import Plan
from pytest_llem.measure.judged import Judged, Origin, fingerprint_for
from pytest_llem.measure.services import Services
from pytest_llem.measure.window import Window
from pytest_llem.plain_values import plain
from pytest_llem.verdict.verdict import Judgement

if TYPE_CHECKING:
    from pytest_llem.measure.windows import Windows

_ONLY_HERE = "not measured again: only the test itself can run the code of a window; run the test again to confirm"


class Gated(Judged):
    """The windows of one name in a test, and their verdict.

    Args:
        services: of the pytest run.
        item: the test.
        plan: limits and number of repeats.
        windows: of the test.
        name: of the windows.
    """

    def __init__(self, services: Services, item: pytest.Item, plan: Plan, windows: Windows, name: str) -> None:
        super().__init__(services, item, plan)
        self._windows, self.name = windows, name
        self._closed: list[Window] = []
        self._outcome: str | None = None

    def window(self, output_tokens: int | None) -> Window:
        """A new one of them."""
        return Window(self._windows, self.name, output_tokens, self)

    def closed(self, window: Window) -> None:
        """One of them has closed: with the last one, the machine and the repeats that count are known."""
        self._closed.append(window)
        if len(self._closed) >= self.plan.repeats:
            found = sort_repeats(self._repeats, self._least_window_s)
            self.kept, self.dropped = found.kept, found.dropped
            self._finished_at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
            self._machine = fingerprint_for(self._services, self._item, self.origin)

    def following(self, window: Window) -> Window | None:
        """The window after this one; at most two of those that do not count are measured again."""
        missing = more_to_measure(self._repeats, self.plan.repeats, self._least_window_s)
        return self.window(window.output_tokens) if missing else None

    @property
    def _repeats(self) -> list[Repeat]:
        return [_repeat_of(window, self._windows.choice is not None) for window in self._closed]

    @property
    def _least_window_s(self) -> float:
        return self._services.measuring.least_window_s(self._repeats)

    @property
    def identity(self) -> Mapping[str, Any]:
        """What a baseline knows of the code: the name of its window."""
        return {"window": self.name}

    @cached_property
    def config_hash(self) -> str:
        """The hash of the name."""
        return hashlib.sha256(json.dumps(dict(self.identity), sort_keys=True).encode()).hexdigest()[:16]

    @property
    def origin(self) -> Origin:
        """Where and how they were measured."""
        methods = [window.method for window in self._closed if window.method is not None]
        return Origin(
            environment=self._services.environment,
            meter=self._windows.meter_name,
            finished_at=self._finished_at,
            energy_method=methods[0] if methods else None,
            why_no_energy="" if methods else self._why_no_energy(),
        )

    def _why_no_energy(self) -> str:
        reasons = (window.fault or window.no_reading for window in self._closed)
        return self._windows.why_none or next(filter(None, reasons), "")

    @property
    def _remeasured(self) -> str | None:
        return self._outcome

    def _look_again(self) -> None:
        self._outcome = _ONLY_HERE

    def gate(self) -> list[Judgement]:
        """The judgements that fail the test.

        Raises:
            pytest.fail.Exception: there are not enough windows, or a metric cannot have a value.
        """
        if not self.measured:
            loop = f"for window in energy_meter.window({self.name!r}, ...): with window: ..."
            raise failure(
                f"window {self.name!r}: {len(self._closed)} of {self.plan.repeats} repeats were measured; a gate needs all: {loop}"
            )
        tokens = "energy_per_output_token"
        if any(limit.metric == tokens for limit in self.plan.limits) and not self._closed[0].output_tokens:
            raise failure(f"window {self.name!r}: gate: {tokens} needs output_tokens, as argument or set on the window")
        return super().gate()

    def properties(self, among_several: bool = False) -> Iterable[tuple[str, Any]]:
        """Properties for junit; those of each window are recorded by the meter."""
        yield f"llem.{self.name}.verdict", self.verdict
        worst = self.found.worst
        if worst is not None and worst.ratio is not None:
            yield f"llem.{self.name}.ratio", plain(worst.ratio)


def _repeat_of(window: Window, metered: bool) -> Repeat:
    """The repeat of a closed window. A fault drops it; without any meter nothing is at fault."""
    troubles = [window.fault] if window.fault and metered else []
    if window.is_concurrent:
        troubles.append("another window was open at the same time")
    return Repeat(
        values={
            "energy_j": window.energy_j,
            "duration_s": window.duration_s,
            "energy_per_output_token": window.energy_per_output_token,
        },
        work=Work(None, None, window.output_tokens),
        duration_s=window.duration_s or 0.0,
        energy_method=window.method,
        troubles=tuple(troubles),
    )
