"""The settings of a run, from the command line and the ini file. An invalid value is a usage error at start."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import pytest

from llenergymeasure._numerals import decimal_number
from llenergymeasure.config.meters import METER_NAMES, METERS
from pytest_llem.options import FAIL_ON, INIS

if TYPE_CHECKING:
    from pytest_llem.limits import Limit

T = TypeVar("T")

REPLAY = "replay:"
UPDATES = ("new", "append", "replace")
INCONCLUSIVE = ("pass", "warn", "fail")


@dataclass(frozen=True)
class Settings:
    """The settings of one run.

    Attributes:
        active: whether experiments are measured or planned.
        dry_run: whether experiments are only planned.
        min_window_s: the shortest window that counts, in seconds.
        max_age_days: the age from which a baseline gets a note, in days.
        update: what to do with baselines at the end; None = nothing.
        json_path: where the session report goes; None = nowhere.
    """

    active: bool = False
    dry_run: bool = False
    strict: bool = False
    repeats: int = 5
    energy: str = "auto"
    fail_on: tuple[Limit, ...] = ()
    alpha: float = 0.01
    noise_floor: float = 0.02
    min_window_s: float = 2.0
    max_age_days: float = 90.0
    inconclusive: str = "pass"
    baseline_dir: Path = Path("llem-baselines")
    update: Literal["new", "append", "replace"] | None = None
    output_dir: Path = Path(".llem")
    json_path: Path | None = None

    @property
    def replay_path(self) -> Path | None:
        """The file of recorded joules; None without one."""
        return Path(self.energy.removeprefix(REPLAY)) if self.energy.startswith(REPLAY) else None


def settings_of(config: pytest.Config) -> Settings:
    """The settings from options and ini file; an option takes precedence.

    Raises:
        pytest.UsageError: a value is invalid.
    """
    json_path = config.getoption("--llem-json")
    accepting = config.getoption("--llem-accept-baseline") is not None
    dry_run = bool(config.getoption("--llem-dry-run")) and not accepting
    measuring = bool(config.getoption("--llem")) and not accepting
    if config.getoption("--llem-update-baseline") and not (dry_run or measuring or accepting):
        raise pytest.UsageError("--llem-update-baseline: nothing is measured without --llem; add it")
    if "--llem-strict" in config.invocation_params.args and not (dry_run or measuring or accepting):
        raise pytest.UsageError("--llem-strict: nothing is measured without --llem; add it")
    return Settings(
        active=dry_run or measuring,
        dry_run=dry_run,
        strict=bool(config.getoption("--llem-strict")),
        repeats=_value(config, "repeats", lambda text, folder: _repeats(text)),
        energy=_value(config, "energy", _meter),
        fail_on=_fail_on(config),
        alpha=_ini(config, "llem_alpha", lambda text: _between(_number(text), 0, 0.5)),
        noise_floor=_ini(config, "llem_noise_floor", lambda text: _between(_share(text), 0, 1, ends=True)),
        min_window_s=_ini(config, "llem_min_window", lambda text: _between(_number(text), 0, math.inf, ends=True)),
        max_age_days=_ini(config, "llem_max_age", lambda text: _between(_number(text), 0, math.inf)),
        inconclusive=_ini(config, "llem_inconclusive", lambda text: _one_of(text, INCONCLUSIVE)),
        baseline_dir=_value(config, "baseline-dir", lambda text, folder: folder / text),
        update=_update(config.getoption("--llem-update-baseline")),
        output_dir=_output_dir(config),
        json_path=None if json_path is None else config.invocation_params.dir / json_path,
    )


def _value(config: pytest.Config, name: str, read: Callable[[str, Path], T]) -> T:
    """An option, or else the ini setting of the same name.

    As everywhere in pytest, a path on the command line is relative to the folder where pytest was started, and a path in the
    ini file to the root.
    """
    given = config.getoption(f"--llem-{name}")
    if given is not None:
        return _read(f"--llem-{name}", given, lambda text: read(text, config.invocation_params.dir))
    return _ini(config, f"llem_{name.replace('-', '_')}", lambda text: read(text, config.rootpath))


def _output_dir(config: pytest.Config) -> Path:
    given = config.getoption("--llem-output-dir")
    return config.rootpath / ".llem" if given is None else config.invocation_params.dir / given


def _ini(config: pytest.Config, name: str, read: Callable[[str], T]) -> T:
    default = next(ini[2] for ini in INIS if ini[0] == name)
    return _read(name, _raw(config, name) or default, read)


def _raw(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(name)
    except (TypeError, ValueError) as error:
        raise pytest.UsageError(f"{name}: {error}; write it as text in quotes") from error


def _read(name: str, text: Any, read: Callable[[Any], T]) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise pytest.UsageError(f"{name}: {error}") from error


def _fail_on(config: pytest.Config) -> tuple[Limit, ...]:
    """The limits. They are parsed only when they are used or set by the user, so that other runs do not load the parser."""
    option, ini = config.getoption("--llem-fail-on"), _raw(config, "llem_fail_on")
    if not (option or ini or config.getoption("--llem") or config.getoption("--llem-dry-run")):
        return ()
    from pytest_llem.limits import parse_limits  # noqa: PLC0415 - only where limits are used

    return _read("--llem-fail-on" if option else "llem_fail_on", option or ini or [FAIL_ON], parse_limits)


def _update(text: str | None) -> Any:
    return None if text is None else _read("--llem-update-baseline", text, lambda value: _one_of(value, UPDATES))


def _repeats(text: str) -> int:
    number = decimal_number(text)
    if not isinstance(number, int) or number < 1:
        raise ValueError(f"{text!r} is not a whole number of at least 1, in decimal digits")
    return number


def _meter(text: str, directory: Path) -> str:
    if text.startswith(REPLAY):
        path = directory / text.removeprefix(REPLAY)
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
        return f"{REPLAY}{path}"
    return text if text in METER_NAMES else _installed_meter(text)


def _installed_meter(name: str) -> str:
    from llenergymeasure._plugin_api import ConfigError  # noqa: PLC0415 - heavy, for names that are not built in

    try:
        return name if name in METERS else _one_of(name, (*METER_NAMES, *METERS.installed_names(), "replay:FILE"))
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _one_of(text: str, valid: tuple[str, ...]) -> str:
    if text not in valid:
        raise ValueError(f"{text!r} is not one of {', '.join(valid)}")
    return text


def _number(text: str) -> float:
    number = decimal_number(text)
    if number is None:
        raise ValueError(f"{text!r} is not a decimal number")
    return float(number)


def _share(text: str) -> float:
    """`2%` or `0.02`."""
    return _number(text.rstrip()[:-1]) / 100 if text.rstrip().endswith("%") else _number(text)


def _between(value: float, low: float, high: float, ends: bool = False) -> float:
    if not (low < value < high or (ends and value == low)):
        bound = f"at least {low:g}" if ends else f"above {low:g}"
        raise ValueError(
            f"{value:g} is out of range; it must be {bound}" + ("" if high == math.inf else f" and below {high:g}")
        )
    return value
