"""Looks up the baseline of a test: whether there is one to compare with, and if not, why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from pytest_llem.baseline.diff import Difference, differences
from pytest_llem.baseline.entries import BaselineFile, Entry, Work, moment
from pytest_llem.baseline.fingerprint import Fingerprint
from pytest_llem.baseline.folder import Baselines

Kind = Literal["found", "new", "not-comparable", "stale", "work-changed"]

# The kinds that a new entry in the baseline resolves.
CURABLE: frozenset[Kind] = frozenset(("new", "stale", "not-comparable"))


@dataclass(frozen=True)
class Situation:
    """The result of looking up one test with one configuration.

    Attributes:
        kind: only `found` can be compared.
        path: the file of this hardware; it may not exist.
        entry: the baseline when it was found or its work changed; otherwise the most similar one; None when new.
        differences: of hardware, configuration or work, before and now, that prevent a comparison.
        reason: a sentence; empty when found.
    """

    kind: Kind
    path: Path
    entry: Entry | None = None
    differences: tuple[Difference, ...] = ()
    reason: str = ""


def situation(
    baselines: Baselines,
    fingerprint: Fingerprint,
    test_id: str,
    config: Mapping[str, object],
    config_hash: str,
    work: Work | None = None,
) -> Situation:
    """Look up a test.

    Args:
        baselines: the folder.
        fingerprint: of this machine.
        test_id: pytest's node id.
        config: the configuration as in JSON.
        config_hash: its hash.
        work: the computed work; None before the measurement, then changed work is not detected.
    """
    path = baselines.path_of(fingerprint.hard)
    file = baselines.of(fingerprint.hard)
    of_test = file.entries.get(test_id, {}) if file else {}
    if config_hash in of_test:
        return _found(path, of_test[config_hash], work)
    if of_test:
        return _stale(path, of_test, config)
    elsewhere = list(_elsewhere(baselines, fingerprint, test_id, config_hash))
    if elsewhere:
        return _on_other_hardware(path, elsewhere, fingerprint)
    return Situation("new", path, reason="no baseline yet")


def _found(path: Path, entry: Entry, work: Work | None) -> Situation:
    changed = differences(entry.work.compared, work.compared) if work else ()
    if changed:
        return Situation("work-changed", path, entry, changed, f"workload changed: {_listed(changed)}")
    return Situation("found", path, entry)


def _stale(path: Path, of_test: Mapping[str, Entry], config: Mapping[str, object]) -> Situation:
    """Compare with the entry that has the most similar configuration; of equal ones with the newest."""
    found = [(differences(entry.config, config), entry) for entry in of_test.values()]
    changed, entry = min(found, key=lambda pair: (len(pair[0]), -moment(pair[1].sessions[-1].date).timestamp()))
    shown = _listed(changed) or "only its hash differs; another version of llenergymeasure computed it"
    return Situation("stale", path, entry, changed, f"the configuration changed since the baseline: {shown}")


def _elsewhere(
    baselines: Baselines, fingerprint: Fingerprint, test_id: str, config_hash: str
) -> Iterator[tuple[BaselineFile, Entry, bool]]:
    for file in baselines.others(fingerprint.hard):
        for known_hash, entry in sorted(file.entries.get(test_id, {}).items()):
            yield file, entry, known_hash == config_hash


def _on_other_hardware(
    path: Path, elsewhere: list[tuple[BaselineFile, Entry, bool]], fingerprint: Fingerprint
) -> Situation:
    """Compare with the same configuration where there is one, and with the most similar machine."""
    found = [(not same, differences(file.hardware, fingerprint.hard), entry) for file, entry, same in elsewhere]
    _, changed, entry = min(found, key=lambda one: (one[0], len(one[1])))
    reason = f"only a baseline of other hardware: {_listed(changed)}"
    return Situation("not-comparable", path, entry, changed, reason)


def soft_changes(entry: Entry, fingerprint: Fingerprint) -> tuple[Difference, ...]:
    """Other changes of the machine since the newest session. They are shown with the verdict and do not affect it."""
    return differences(entry.sessions[-1].soft, fingerprint.soft)


def age_note(entry: Entry, now: datetime, max_age_days: float) -> str | None:
    """A sentence when the newest session is older than allowed; None otherwise."""
    days = (now - moment(entry.sessions[-1].date)).total_seconds() / 86400
    if days <= max_age_days:
        return None
    return f"the baseline is {days:.0f} days old (llem_max_age {max_age_days:g}); measure a new session"


def _listed(changed: tuple[Difference, ...]) -> str:
    return ", ".join(map(str, changed))
