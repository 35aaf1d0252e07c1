"""Parses baseline files strictly: a partly parsed file would give wrong verdicts, or lose data when it is rewritten."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pytest_llem.baseline.candidate import Candidate, Key, Source
from pytest_llem.baseline.entries import SCHEMA, BaselineFile, Entry, Session, Work, moment

T = TypeVar("T")
_TEXT, _NUMBER, _MAPPING, _LIST = (str,), (int, float), (dict,), (list,)
_PLAIN = (str, int, float, bool, type(None))

_CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
_REPAIR = "restore it from git, or delete it and measure a new baseline"


class BaselineError(Exception):
    """A baseline file is invalid.

    Attributes:
        path: the file or folder.
        reason: what is wrong, and where in the file.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class ConflictError(BaselineError):
    """A baseline file has the markers of a merge conflict."""


class _Malformed(ValueError):
    """The error before the path is known."""


def read_file(path: Path) -> BaselineFile:
    """One baseline file.

    Raises:
        BaselineError: the file cannot be read, is not JSON, is newer than this version, or has an invalid part.
    """
    return _read(path, parse)


def read_candidate(path: Path) -> Candidate:
    """The candidate that a run wrote, or a baseline file to be accepted.

    Raises:
        BaselineError: as `read_file`.
    """
    return _read(path, parse_candidate)


def _read(path: Path, parsed: Callable[[str], T]) -> T:
    try:
        return parsed(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BaselineError(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BaselineError(path, "is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        if _CONFLICT.search(error.doc):
            raise ConflictError(path, f"has the markers of a merge conflict in line {error.lineno}") from error
        reason = f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}; {_REPAIR}"
        raise BaselineError(path, reason) from error
    except RecursionError as error:
        raise BaselineError(path, "is nested too deeply") from error
    except ValueError as error:
        raise BaselineError(path, str(error)) from error


def parse(text: str) -> BaselineFile:
    """The baselines of a JSON text.

    Raises:
        ValueError: it is not JSON (`json.JSONDecodeError`), is newer than this version, or has an invalid part.
    """
    top = _loaded(text)
    if "candidate" in top:
        raise _Malformed("is a candidate of a run; move it out of this folder and merge it with --llem-accept-baseline")
    return _file(top)


def parse_candidate(text: str) -> Candidate:
    """The candidate of a JSON text.

    Raises:
        ValueError: as `parse`.
    """
    top = _loaded(text)
    sources = _checked(top.pop("candidate", []), _LIST, "'candidate' of the file")
    return Candidate(_file(top), dict(_source(each, f"candidate[{index}]") for index, each in enumerate(sources)))


def _loaded(text: str) -> dict[str, Any]:
    top = json.loads(text, object_pairs_hook=_no_duplicates, parse_float=_finite, parse_constant=_no_constant)
    if not isinstance(top, dict):
        raise _Malformed("is not a JSON object")
    return top


def _source(value: object, where: str) -> tuple[Key, Source]:
    source = _checked(value, _MAPPING, where)
    _only(source, ("id", "config_hash", "test", "verdict", "metrics"), where)
    test_id, config_hash, test, verdict = (
        _take(source, name, _TEXT, where) for name in ("id", "config_hash", "test", "verdict")
    )
    metrics = tuple(_checked(each, _TEXT, f"{where}.metrics") for each in _take(source, "metrics", _LIST, where))
    return (test_id, config_hash), Source(test, verdict, metrics)


def _file(top: dict[str, Any]) -> BaselineFile:
    schema = _take(top, "schema", (int,), "the file")
    if schema > SCHEMA:
        raise _Malformed(
            f"has schema {schema}, newer than {SCHEMA}, which this version writes; upgrade llenergymeasure"
        )
    if schema != SCHEMA:
        raise _Malformed(f"has schema {schema}; {SCHEMA} is the only valid one")
    _only(top, ("schema", "hardware", "simulated", "entries"), "the file")
    return BaselineFile(
        hardware=_plain_values(_take(top, "hardware", _MAPPING, "the file"), "hardware"),
        simulated=_take(top, "simulated", (bool,), "the file"),
        entries=_each(_take(top, "entries", _MAPPING, "the file"), "entries", _configurations),
    )


def _configurations(value: object, where: str) -> dict[str, Entry]:
    return _each(_checked(value, _MAPPING, where), where, _entry)


def _entry(value: object, where: str) -> Entry:
    entry = _checked(value, _MAPPING, where)
    _only(entry, ("config", "work", "sessions"), where)
    sessions = _take(entry, "sessions", _LIST, where)
    if not sessions:
        raise _Malformed(f"{where}.sessions is empty")
    return Entry(
        config=_take(entry, "config", _MAPPING, where),
        work=_work(_take(entry, "work", _MAPPING, where), f"{where}.work"),
        sessions=tuple(_session(session, f"{where}.sessions[{index}]") for index, session in enumerate(sessions)),
    )


def _work(work: dict[str, Any], where: str) -> Work:
    _only(work, ("prompts", "input_tokens", "output_tokens", "flops"), where)
    return Work(
        prompts=_take(work, "prompts", (int, type(None)), where),
        input_tokens=_take(work, "input_tokens", (int, type(None)), where),
        output_tokens=_take(work, "output_tokens", (int, type(None)), where),
        flops=_take(work, "flops", (int, type(None)), where),
    )


def _session(value: object, where: str) -> Session:
    session = _checked(value, _MAPPING, where)
    _only(session, ("date", "git", "energy_method", "soft", "samples"), where)
    git = _take(session, "git", _MAPPING, where)
    _only(git, ("sha", "dirty"), f"{where}.git")
    return Session(
        date=_date(_take(session, "date", _TEXT, where), where),
        git_sha=_take(git, "sha", (str, type(None)), f"{where}.git"),
        git_dirty=_take(git, "dirty", (bool, type(None)), f"{where}.git"),
        energy_method=_take(session, "energy_method", (str, type(None)), where),
        soft=_plain_values(_take(session, "soft", _MAPPING, where), f"{where}.soft"),
        samples=_each(_take(session, "samples", _MAPPING, where), f"{where}.samples", _values),
    )


def _date(text: str, where: str) -> str:
    try:
        moment(text)
    except ValueError as error:
        raise _Malformed(f"'date' of {where} is {text!r:.60}, not an ISO 8601 time") from error
    return text


def _values(value: object, where: str) -> tuple[float, ...]:
    values = _checked(value, _LIST, where)
    return tuple(_checked(number, _NUMBER, f"{where}[{index}]") for index, number in enumerate(values))


def _plain_values(mapping: dict[str, Any], where: str) -> dict[str, Any]:
    return {name: _checked(value, _PLAIN, f"{where}.{name}") for name, value in mapping.items()}


def _each(mapping: dict[str, object], where: str, read: Callable[[object, str], T]) -> dict[str, T]:
    return {name: read(value, f"{where}[{name!r}]") for name, value in mapping.items()}


def _take(mapping: Mapping[str, object], name: str, types: tuple[type, ...], where: str) -> Any:
    if name not in mapping:
        raise _Malformed(f"{where} has no {name!r}")
    return _checked(mapping[name], types, f"{name!r} of {where}")


def _checked(value: object, types: tuple[type, ...], where: str) -> Any:
    # bool is a subclass of int in Python, but it is not a number here.
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        allowed = " or ".join("null" if kind is type(None) else kind.__name__ for kind in types)
        raise _Malformed(f"{where} is {value!r:.60}, not {allowed}")
    return value


def _only(mapping: Mapping[str, object], names: tuple[str, ...], where: str) -> None:
    unknown = sorted(mapping.keys() - set(names))
    if unknown:
        raise _Malformed(f"{where} has an unknown part {unknown[0]!r} (known: {', '.join(names)})")


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Malformed(f"has {next(name for name in names if names.count(name) > 1)!r} twice in one object")
    return found


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Malformed(f"holds {text}, which is too large")
    return number


def _no_constant(name: str) -> NoReturn:
    raise _Malformed(f"holds {name}, which is not a JSON number")
