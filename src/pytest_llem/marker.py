"""The marker. Its arguments are merged from module, class, function and parameter, checked, and made into a plan."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_llem.source_line import place_of_mark

if TYPE_CHECKING:
    from llenergymeasure import ExperimentConfig
    from pytest_llem.limits import Limit
    from pytest_llem.settings import Settings

NAME = "llem"
ARGUMENTS = {
    "config": "the experiment: a path (beside the test, or from the root), a dict, or an `ExperimentConfig`",
    "overrides": "values by field name, dotted or nested; they replace those of the config",
    "repeats": "measured windows",
    "fail_on": "limits by metric: `{'energy_per_output_token': '5%'}`; they replace the limits of the run",
    "budget": "absolute limits by metric, without a baseline: `{'energy_per_output_token': 0.5}`",
    "id": "the name of the baseline, so that it stays valid when the test is renamed; default: the node id",
    "gate": "False = measure and report, but let no verdict fail the test",
    "control": (
        "True = a fixed workload that shows drift of the machine: when its values shift, regressions of the same kind become "
        "not-comparable"
    ),
}


class PlanError(ValueError):
    """An argument of a test is invalid. The message names the place, the argument and what is allowed."""


@dataclass(frozen=True)
class Plan:
    """What a test requests.

    Attributes:
        config: the experiment; None when the test passes it to the fixture.
        overrides: values over the experiment that the test passes; of no meaning with `config`, which has them.
        repeats: measured windows.
        limits: relative limits compare with a baseline, absolute limits are budgets.
        test_id: the name of the baseline.
        gate: whether verdicts may fail the test by themselves.
        control: whether it is a reference load that never changes.
    """

    config: ExperimentConfig | None
    repeats: int
    limits: tuple[Limit, ...]
    test_id: str
    gate: bool = True
    control: bool = False
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Argument:
    """A value and where it was written."""

    value: Any
    place: str


def plan_of(item: pytest.Item, settings: Settings) -> Plan:
    """The plan of a marked test.

    Raises:
        PlanError: an argument is wrong.
    """
    return make_plan(merged_arguments(item), settings, item.nodeid, [item.path.parent, item.config.rootpath])


def merged_arguments(item: pytest.Item) -> dict[str, Argument]:
    """Every argument of the marks that apply; of each name, the value of the closest mark.

    Raises:
        PlanError: a mark has an argument that does not exist, or two positional ones.
    """
    found: dict[str, Argument] = {}
    for node, mark, of_parameter in marks_of(item):
        place = place_of_mark(item, node, mark, of_parameter)
        for name, value in _arguments(mark, place).items():
            found.setdefault(name, Argument(value, place))
    return found


def marks_of(item: pytest.Item) -> list[tuple[pytest.Item | pytest.Collector, pytest.Mark, bool]]:
    """The marks of a test, the closest first, with their node and whether they belong to a parameter.

    pytest lists the marks of a function before those of its parameter, although the parameter is closer.
    """
    of_parameter = getattr(getattr(item, "callspec", None), "marks", [])
    marks: list[tuple[Any, pytest.Mark, bool]] = [
        (node, mark, any(mark is other for other in of_parameter))
        for node, mark in item.iter_markers_with_node(name=NAME)
    ]
    return sorted(marks, key=lambda each: not each[2])


def is_control(item: pytest.Item) -> bool:
    """Whether the marks make the test a control; nothing is checked yet."""
    values = [mark.kwargs["control"] for _, mark, _ in marks_of(item) if "control" in mark.kwargs]
    return bool(values and values[0] is True)


def baseline_id(item: pytest.Item) -> str:
    """The name of the baseline of a test: the id of its closest mark with one, or its node id; nothing is checked yet."""
    ids = [mark.kwargs["id"] for _, mark, _ in marks_of(item) if isinstance(mark.kwargs.get("id"), str)]
    return ids[0] if ids else item.nodeid


def _arguments(mark: pytest.Mark, place: str) -> dict[str, Any]:
    if len(mark.args) > 1:
        raise PlanError(f"{place}: llem takes one positional argument, config, not {len(mark.args)}; name the others")
    for name in mark.kwargs:
        if name not in ARGUMENTS:
            raise PlanError(f"{place}: llem has no argument {name!r}{suggestion(name, ARGUMENTS)}")
    if mark.args and "config" in mark.kwargs:
        raise PlanError(f"{place}: config is given twice, by position and by name; keep one")
    return {**({"config": mark.args[0]} if mark.args else {}), **mark.kwargs}


def suggestion(name: str, valid: Collection[str]) -> str:
    """`; did you mean 'x'?`, or every valid name."""
    near = get_close_matches(name, valid, n=1)
    return f"; did you mean {near[0]!r}?" if near else f"; valid: {', '.join(valid)}"


def make_plan(
    arguments: Mapping[str, Argument], settings: Settings, test_id: str, folders: Sequence[Path] = ()
) -> Plan:
    """A plan from arguments; the settings of the run replace missing arguments.

    Raises:
        PlanError: an argument is wrong.
    """

    def read(name: str, check: Callable[[Any], Any], otherwise: Any) -> Any:
        given = arguments.get(name)
        return otherwise if given is None or given.value is None else _checked(name, given, check)

    fail_on, overrides = read("fail_on", _limits, settings.fail_on), read("overrides", _fields, {})
    plan = Plan(
        config=_config(arguments.get("config"), overrides, folders),
        repeats=read("repeats", _count, settings.repeats),
        limits=(*fail_on, *read("budget", _budget, ())),
        test_id=read("id", _text, test_id),
        gate=read("gate", _flag, True),
        control=read("control", _flag, False),
        overrides=overrides,
    )
    _refuse_too_few(plan, arguments.get("repeats"))
    return plan


def _refuse_too_few(plan: Plan, repeats: Argument | None) -> None:
    """Refuse a gate that cannot judge: it would pass whatever happens."""
    from llenergymeasure.stats.comparison import MIN_REPEATS  # noqa: PLC0415 - not without a plan

    if plan.gate and plan.limits and plan.repeats < MIN_REPEATS:
        where = (
            "--llem-repeats or llem_repeats"
            if repeats is None or repeats.value is None
            else f"{repeats.place}: repeats"
        )
        fix = f"a verdict needs at least {MIN_REPEATS}; raise it, or set gate=False to measure without a verdict"
        raise PlanError(f"{where}: {plan.repeats} is too few: {fix}")


def _checked(name: str, given: Argument, check: Callable[[Any], Any]) -> Any:
    try:
        return check(given.value)
    except ValueError as error:
        raise PlanError(f"{given.place}: {name}: {error}") from None


def _config(config: Argument | None, overrides: Mapping[str, Any], folders: Sequence[Path]) -> ExperimentConfig | None:
    """The experiment with its overrides."""
    if config is None or config.value is None:
        return None
    from llenergymeasure import ExperimentConfig  # noqa: PLC0415 - heavy, when a test has a configuration
    from llenergymeasure._plugin_api import ConfigError, make_config  # noqa: PLC0415 - the same

    value = config.value
    if not isinstance(value, (str, Path, Mapping, ExperimentConfig)):
        needed = "a path, a dict or an ExperimentConfig is needed"
        raise PlanError(f"{config.place}: config: {needed}, not {type(value).__name__}")
    if isinstance(value, (str, Path)):
        value = next((folder / value for folder in folders if (folder / value).is_file()), folders[0] / value)
    try:
        return make_config(value, overrides)
    except ConfigError as error:
        raise PlanError(f"{config.place}: config: {error}") from None


def _fields(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is not a mapping of field names to values")
    return value


def _limits(value: Any) -> tuple[Limit, ...]:
    from pytest_llem.limits import parse_limits  # noqa: PLC0415 - only where limits are used

    if not isinstance(value, (str, list, tuple, Mapping)):
        raise ValueError(f"{value!r} is not a mapping such as {{'energy_per_output_token': '5%'}}")
    return parse_limits(value)


def _budget(value: Any) -> tuple[Limit, ...]:
    found = _limits(value)
    for limit in found:
        if limit.relative:
            raise ValueError(
                f"{limit} is relative, but a budget is absolute, such as 0.5; put relative limits into fail_on"
            )
    return found


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{value!r} is not a whole number of at least 1")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is not true or false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not a text")
    return value
