"""Updates baselines. Only valid measurements enter; entries of other tests are never deleted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from llenergymeasure.stats.comparison import MIN_REPEATS
from pytest_llem.baseline.diff import differences
from pytest_llem.baseline.entries import BaselineFile, Entry, Session, Work, moment
from pytest_llem.baseline.fingerprint import Plain
from pytest_llem.baseline.folder import Baselines

Mode = Literal["new", "append", "replace"]
Action = Literal["new", "appended", "replaced", "kept", "refused"]

SESSIONS_KEPT = 5
SIMULATED_METHOD = "replayed"


@dataclass(frozen=True)
class Measured:
    """A test that ran and passed, and that may enter a baseline.

    Attributes:
        test_id: pytest's node id.
        config: the configuration as in JSON.
        config_hash: its hash.
        work: of one window.
        sessions: usually one, that of this run.
        problems: why its repeats are invalid; the test is then refused.
    """

    test_id: str
    config: Mapping[str, object]
    config_hash: str
    work: Work
    sessions: tuple[Session, ...]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """The outcome for one test: `kept` is an entry that mode `new` does not change; `note` gives a reason or a remark."""

    test_id: str
    config_hash: str
    action: Action
    note: str = ""


@dataclass(frozen=True)
class Update:
    """The new content of the folder, and the outcome for each test."""

    baselines: Baselines
    outcomes: tuple[Outcome, ...]


def update(
    baselines: Baselines,
    hardware: Mapping[str, Plain],
    measured: Iterable[Measured],
    mode: Mode,
    *,
    simulated: bool = False,
    complete: bool = True,
) -> Update:
    """The baselines with these tests added; nothing is written to disk.

    Args:
        baselines: the folder as it is.
        hardware: hard identity of the machine.
        measured: tests that ran and passed; other entries stay unchanged.
        mode: `new` writes missing entries, `append` adds a session (the newest 5 are kept), `replace` discards the old sessions.
        simulated: whether the joules come from a recording.
        complete: False when the run ended before all of its tests did; then all are refused.
    """
    file = baselines.of(hardware) or BaselineFile(dict(hardware), simulated)
    outcomes = []
    for one in measured:
        old = file.entry(one.test_id, one.config_hash)
        reason = "" if complete else "the run ended before all of its tests did"
        reason = reason or _mixing(file, simulated) or _refusal(one, simulated) or _misfit(old, one, mode)
        action: Action = "refused" if reason else _action(old, mode)
        if action not in {"refused", "kept"}:
            file = file.with_entry(one.test_id, one.config_hash, _entered(old, one, action))
        outcomes.append(Outcome(one.test_id, one.config_hash, action, reason or _remark(one, action)))
    after = baselines.with_file(file) if file.entries else baselines
    return Update(after, tuple(outcomes))


def candidate(hardware: Mapping[str, Plain], measured: Iterable[Measured], *, simulated: bool = False) -> BaselineFile:
    """The file that a run would write into an empty folder, to be accepted later; invalid tests are left out."""
    file = BaselineFile(dict(hardware), simulated)
    for one in measured:
        if not _refusal(one, simulated):
            file = file.with_entry(one.test_id, one.config_hash, Entry(one.config, one.work, one.sessions))
    return file


def accept(baselines: Baselines, accepted: BaselineFile, mode: Mode = "replace") -> Update:
    """The baselines with the entries of a candidate added, without measuring. Nothing is accepted twice.

    Args:
        baselines: the folder as it is.
        accepted: entries that a run wrote, on any machine.
        mode: as in `update`. By default they replace the entries that they were compared with.
    """
    before = baselines.of(accepted.hardware)
    measured = [
        _not_twice(before.entry(one.test_id, one.config_hash) if before else None, one, mode)
        for one in _entries(accepted)
    ]
    return update(baselines, accepted.hardware, measured, mode, simulated=accepted.simulated)


def _entries(file: BaselineFile) -> Iterator[Measured]:
    for test_id, by_hash in sorted(file.entries.items()):
        for config_hash, entry in sorted(by_hash.items()):
            yield Measured(test_id, entry.config, config_hash, entry.work, entry.sessions)


def _not_twice(old: Entry | None, one: Measured, mode: Mode) -> Measured:
    """Only the sessions that the baseline does not have; a problem when it has all of them, or newer ones to be replaced."""
    if old is None or mode == "new":
        return one
    fresh = tuple(session for session in one.sessions if session not in old.sessions)
    newest = max((session.date for session in old.sessions), key=moment)
    if not fresh:
        return replace(one, problems=("the baseline has these values already",))
    if mode == "replace" and moment(newest) > max(moment(session.date) for session in fresh):
        return replace(one, problems=(f"the baseline is newer: it has a session of {newest}",))
    return replace(one, sessions=fresh) if mode == "append" else one


def _mixing(file: BaselineFile, simulated: bool) -> str:
    if file.simulated == simulated:
        return ""
    kinds = ("measured", "simulated")
    return f"{kinds[simulated]} results cannot enter a baseline of {kinds[file.simulated]} ones"


def _refusal(one: Measured, simulated: bool) -> str:
    """Why these repeats may not become a baseline; empty when they may."""
    if one.problems:
        return "; ".join(one.problems)
    methods = {session.energy_method for session in one.sessions}
    if not simulated and SIMULATED_METHOD in methods:
        return "simulated results cannot enter a baseline of measured ones"
    fewest = min((len(values) for session in one.sessions for values in session.samples.values()), default=0)
    if fewest < MIN_REPEATS:
        return f"a baseline needs {MIN_REPEATS} valid repeats or more, there are {fewest}"
    values = (value for session in one.sessions for values in session.samples.values() for value in values)
    return "" if all(map(math.isfinite, values)) else "a value is not finite"


def _misfit(old: Entry | None, one: Measured, mode: Mode) -> str:
    """Why a session cannot be added to the older ones; empty when it can."""
    if old is None or mode == "new":
        return ""
    before, now = old.sessions[-1].energy_method, one.sessions[-1].energy_method
    if mode == "replace":
        return "its energy was not measured, and that of the baseline was" if before and not now else ""
    changed = differences(old.work.compared, one.work.compared)
    if changed:
        return f"workload changed: {', '.join(map(str, changed))}; use --llem-update-baseline=replace"
    return "" if before == now else f"energy method changed: {before} -> {now}; use --llem-update-baseline=replace"


def _action(old: Entry | None, mode: Mode) -> Action:
    if old is None:
        return "new"
    actions: dict[Mode, Action] = {"new": "kept", "append": "appended", "replace": "replaced"}
    return actions[mode]


def _entered(old: Entry | None, one: Measured, action: Action) -> Entry:
    before = old.sessions if old and action == "appended" else ()
    return Entry(one.config, one.work, (*before, *one.sessions)[-SESSIONS_KEPT:])


def _remark(one: Measured, action: Action) -> str:
    if action == "kept":
        return "has a baseline; use --llem-update-baseline=append or replace to change it"
    if any(session.git_dirty for session in one.sessions):
        return "the working tree has uncommitted changes: the recorded commit is not what was measured"
    return ""
