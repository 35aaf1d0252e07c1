"""Calls the hooks of conftests and plugins. A conftest acts on its folder only: the hooks are those of the item.

What a hook raises fails the test with one line that names the hook, its file and its line.
"""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llem.failure import failure
from pytest_llem.plain_values import plain

if TYPE_CHECKING:
    from llenergymeasure import ExperimentConfig
    from pytest_llem.verdict.verdict import Verdict

_METER = ("name", "devices", "open_window", "release")


def modified(item: pytest.Item, config: ExperimentConfig) -> ExperimentConfig:
    """The configuration of a test after `pytest_llem_modify_config`."""
    with _named("pytest_llem_modify_config", item):
        changed = item.ihook.pytest_llem_modify_config(item=item, config=config)
    if changed is None:
        return config
    if not isinstance(changed, type(config)):
        raise failure(f"pytest_llem_modify_config returned {_kind(changed)}, not an ExperimentConfig or None")
    return changed


def changed_fingerprint(item: pytest.Item, hard: dict[str, Any]) -> dict[str, Any]:
    """The hard identity of the machine after `pytest_llem_fingerprint`, as plain values."""
    with _named("pytest_llem_fingerprint", item):
        item.ihook.pytest_llem_fingerprint(config=item.config, fingerprint=hard)
    return {str(name): None if value is None else plain(value) for name, value in hard.items()}


def makers(item: pytest.Item) -> Hashable:
    """The implementations of `pytest_llem_make_meter` that apply to a test: tests with the same ones share a meter."""
    return tuple(item.ihook.pytest_llem_make_meter.get_hookimpls())


def own_meter(item: pytest.Item, name: str) -> Any:
    """The meter of `pytest_llem_make_meter`; None without one."""
    with _named("pytest_llem_make_meter", item):
        meter = item.ihook.pytest_llem_make_meter(config=item.config, name=name)
    missing = [] if meter is None else [member for member in _METER if not hasattr(meter, member)]
    if missing:
        raise failure(f"pytest_llem_make_meter returned {_kind(meter)}, a meter without {', '.join(missing)}")
    return meter


def release(meter: Any) -> None:
    """Release the meter of a hook at the end of the run."""
    try:
        meter.release()
    except Exception as error:  # of a user's meter: the run is over, and the message is all that is left to do
        sys.stderr.write(f"llem: releasing meter {meter.name} failed: {type(error).__name__}: {error}\n")


def announce(item: pytest.Item, verdict: Verdict) -> None:
    """Pass a verdict to `pytest_llem_verdict`."""
    with _named("pytest_llem_verdict", item):
        item.ihook.pytest_llem_verdict(item=item, verdict=verdict)


@contextmanager
def _named(hook: str, item: pytest.Item) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of a user's hook
        place = _place(hook, error.__traceback__, item.config.invocation_params.dir)
        raise failure(f"{hook}{place} raised {type(error).__name__}: {error}") from None


def _place(hook: str, trace: TracebackType | None, here: Path) -> str:
    """` (file:line)` of the hook; empty when it was not reached."""
    while trace is not None and trace.tb_frame.f_code.co_name != hook:
        trace = trace.tb_next
    if trace is None:
        return ""
    path = Path(trace.tb_frame.f_code.co_filename)
    return f" ({path.relative_to(here) if path.is_relative_to(here) else path}:{trace.tb_lineno})"


def _kind(value: object) -> str:
    return type(value).__name__
