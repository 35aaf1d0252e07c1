"""`--llem-accept-baseline`: merges a candidate into the committed baselines, without measuring."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from statistics import geometric_mean

import pytest

from pytest_llem.baseline.candidate import Candidate, Key, Source
from pytest_llem.baseline.commands import explained
from pytest_llem.baseline.entries import BaselineFile, Entry
from pytest_llem.baseline.folder import Baselines, update_folder
from pytest_llem.baseline.parse import BaselineError, read_candidate
from pytest_llem.baseline.update import Outcome, Update, accept
from pytest_llem.limits import JUDGED
from pytest_llem.settings import Settings, settings_of

_SHOWN_WITHOUT_SOURCE = ("energy_per_output_token",)


@dataclass(frozen=True)
class Selection:
    """The tests to accept.

    Attributes:
        tests: node ids; None = all.
        named: whether the command line has their node ids. Then they are accepted although they were ok.
    """

    tests: Collection[str] | None = None
    named: bool = False

    def takes(self, key: Key, source: Source | None) -> bool:
        """Whether an entry is accepted."""
        test = key[0] if source is None else source.test
        selected = self.tests is None or test in self.tests
        return selected and (self.named or source is None or source.verdict != "ok")


def main(config: pytest.Config, path: str) -> int:
    """Accept all tests that were not ok, and print the outcome of each; the exit code is a failure unless each was accepted.

    Raises:
        pytest.UsageError: a setting, the candidate or a baseline is invalid.
    """
    failed, lines = accepted(config, settings_of(config), path, Selection())
    print("\n".join(lines))  # noqa: T201
    return int(pytest.ExitCode.TESTS_FAILED if failed else pytest.ExitCode.OK)


def accepted(config: pytest.Config, settings: Settings, path: str, selection: Selection) -> tuple[bool, list[str]]:
    """Accept. Returns whether anything was not accepted that should be, and a line per test and file.

    Raises:
        pytest.UsageError: the candidate or a baseline is invalid, or the folder cannot be written.
    """
    try:
        candidate = read_candidate(config.invocation_params.dir / path)
        file = _only(candidate.file, lambda key: selection.takes(key, candidate.sources.get(key)))
        missing = _missing(candidate, selection)
        if not file.entries:
            return True, [*missing, _why_nothing(candidate, selection)]
        failed, lines = _merge(settings, replace(candidate, file=file))
    except BaselineError as error:
        raise pytest.UsageError(explained(config, error)) from error
    return failed or bool(missing), [*lines, *missing, *_left_out(candidate, selection)]


def _merge(settings: Settings, candidate: Candidate) -> tuple[bool, list[str]]:
    done: list[tuple[Baselines, Update]] = []

    def change(baselines: Baselines) -> Baselines:
        done.append((baselines, accept(baselines, candidate.file, settings.update or "replace")))
        return done[-1][1].baselines

    written = update_folder(settings.baseline_dir, change)
    before, found = done[-1]
    hardware = candidate.file.hardware
    lines = [_line(each, before.of(hardware), found.baselines.of(hardware), candidate) for each in found.outcomes]
    return any(each.action == "refused" for each in found.outcomes), [*lines, *(f"written: {path}" for path in written)]


def _only(file: BaselineFile, wanted: Callable[[Key], bool]) -> BaselineFile:
    entries = {
        test_id: {config_hash: entry for config_hash, entry in by_hash.items() if wanted((test_id, config_hash))}
        for test_id, by_hash in file.entries.items()
    }
    return replace(file, entries={test_id: by_hash for test_id, by_hash in entries.items() if by_hash})


def _missing(candidate: Candidate, selection: Selection) -> list[str]:
    """Named tests of which the candidate has no values."""
    if not selection.named or selection.tests is None:
        return []
    known = {source.test for source in candidate.sources.values()} or set(candidate.file.entries)
    return [f"not in the candidate: {test}" for test in selection.tests if test not in known]


def _why_nothing(candidate: Candidate, selection: Selection) -> str:
    if selection.tests is not None and not selection.tests:
        return "nothing to accept: no test is selected"
    if not candidate.file.entries:
        return "nothing to accept: the candidate has no entries"
    return "nothing to accept: no selected test of the candidate has another verdict than ok; name one by its node id"


def _left_out(candidate: Candidate, selection: Selection) -> Iterator[str]:
    ok = sum(
        not selection.takes(key, source) and replace(selection, named=True).takes(key, source)
        for key, source in candidate.sources.items()
    )
    if ok:
        yield f"left out: {ok} that were ok; name a test by its node id to accept it anyway"


def _line(outcome: Outcome, before: BaselineFile | None, after: BaselineFile | None, candidate: Candidate) -> str:
    key = (outcome.test_id, outcome.config_hash)
    old = before.entry(*key) if before else None
    new = candidate.file.entry(*key) if outcome.action == "refused" else after.entry(*key) if after else None
    parts = [*_values(old, new, candidate.sources.get(key)), *_sessions(outcome, old, new), outcome.note]
    return f"{outcome.action}: {outcome.test_id}: {'; '.join(filter(None, parts))}"


def _values(old: Entry | None, new: Entry | None, source: Source | None) -> Iterator[str]:
    """`energy_per_output_token 5 -> 6 J/token (+20%)` for each metric that was judged."""
    for metric in _SHOWN_WITHOUT_SOURCE if source is None else source.metrics:
        before, now = _mean(old, metric), _mean(new, metric)
        if metric in JUDGED and now is not None:
            start = "" if before is None else f"{before:.4g} -> "
            change = f" ({100 * (now / before - 1):+.3g}%)" if before else ""
            yield f"{metric} {start}{now:.4g} {JUDGED[metric].unit}{change}"


def _mean(entry: Entry | None, metric: str) -> float | None:
    values = [value for session in entry.samples(metric) for value in session] if entry else []
    return geometric_mean(values) if values and min(values) > 0 else None


def _sessions(outcome: Outcome, old: Entry | None, new: Entry | None) -> Iterator[str]:
    if old and new and outcome.action in ("replaced", "appended"):
        yield f"sessions {len(old.sessions)} -> {len(new.sessions)}"
