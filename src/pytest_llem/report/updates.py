"""Writes candidates and updates the baselines at the end of a run. An update that is not written is a problem of the run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_llem.baseline.candidate import Candidate, Key, Source
from pytest_llem.baseline.claims import Unclaimed
from pytest_llem.baseline.commands import explained
from pytest_llem.baseline.entries import BaselineFile
from pytest_llem.baseline.fingerprint import Fingerprint
from pytest_llem.baseline.folder import Baselines, update_folder, write_file
from pytest_llem.baseline.parse import BaselineError
from pytest_llem.baseline.repeats import session_of
from pytest_llem.baseline.update import Measured, Mode, Outcome, candidate, update
from pytest_llem.measure.judged import Judged
from pytest_llem.measure.record import Record
from pytest_llem.stash import State

Group = tuple[Fingerprint, bool, list[tuple[Record, Judged]]]


@dataclass
class Finished:
    """What the end of a run wrote.

    Attributes:
        complete: whether every selected test has ended; nothing is updated otherwise.
        candidates: files with entries that can be accepted later, and their tests.
        updated: baseline files that were written.
        outcomes: how the update treated each test.
        unclaimed: entries of this machine's baselines that belong to no collected test.
        problems: messages about what was requested and not done; with one, the run does not succeed.
    """

    complete: bool
    candidates: dict[Path, list[tuple[Record, Judged]]] = field(default_factory=dict)
    updated: list[Path] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    unclaimed: list[Unclaimed] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def write_baselines(state: State, done: Finished) -> None:
    """Write the candidates, and the baselines when the options request an update."""
    records = [record for record in state.records.values() if record.runs]
    groups = list(_by_machine(records))
    for number, group in enumerate(groups, 1):
        try:
            _write_candidate(state, done, group, number)
        except BaselineError as error:
            done.problems.append(str(error))
        except OSError as error:  # the folder cannot be made: the problem of the results
            state.results.failed(error)
            done.problems[:] = state.file_problems
    done.unclaimed = list(state.claims.unclaimed(state.config, _files(state.baselines, groups), _measured(state)))
    if state.settings.update is not None and state.progress.started:
        _update(state, done, groups, state.settings.update)
        done.outcomes.extend(_not_entered(records))
        _report_refusals(done, f"--llem-update-baseline={state.settings.update}")


def _files(baselines: Baselines, groups: Sequence[Group]) -> list[tuple[Path, BaselineFile]]:
    """The files of the machines of this run; all files when nothing was measured."""
    paths = {baselines.path_of(machine.hard) for machine, _, _ in groups}
    return [(path, file) for path, file in sorted(baselines.files.items()) if path in paths or not paths]


def _measured(state: State) -> dict[str, set[str]]:
    """The ids that each passed test has measured."""
    return {
        record.test: {run.plan.test_id for run in record.runs} for record in state.records.values() if record.passed
    }


def _by_machine(records: Iterable[Record]) -> Iterator[Group]:
    """Runs grouped by hard identity; usually there is one group."""
    groups: dict[str, Group] = {}
    for record in records:
        for run in record.runs:
            if run.repeated or not (run.measured and run.kept):
                continue
            machine = run.fingerprint
            key = json.dumps([dict(machine.hard), run.simulated], sort_keys=True)
            groups.setdefault(key, (machine, run.simulated, []))[2].append((record, run))
    yield from groups.values()


def _write_candidate(state: State, done: Finished, group: Group, number: int) -> None:
    """Write the tests that passed or that nothing but a verdict failed: a user may decide to accept them.

    An experiment of which no limited metric was measured is left out: with its values nothing could be compared later.
    """
    machine, simulated, runs = group
    acceptable = [(record, run) for record, run in runs if record.acceptable and not run.found.unmeasured]
    file = candidate(machine.hard, [measured_of(run, machine) for _, run in acceptable], simulated=simulated)
    if file.entries:
        name = "candidate-baseline.json" if number == 1 else f"candidate-baseline-{number}.json"
        path = state.results.folder / name
        entered = [(record, run) for record, run in acceptable if file.entry(*key_of(run))]
        write_file(path, Candidate(file, {key_of(run): _source(record, run) for record, run in entered}))
        done.candidates[path] = entered


def _source(record: Record, run: Judged) -> Source:
    return Source(record.test, run.verdict, tuple(each.metric for each in run.found.judgements))


def key_of(run: Judged) -> Key:
    """The key of its entry in a baseline."""
    return run.plan.test_id, run.config_hash


def _update(state: State, done: Finished, groups: Sequence[Group], mode: Mode) -> None:
    """Update the folder as it is now: other runs may have changed it since this one began."""
    outcomes: list[Outcome] = []
    shift = state.gate.shift if mode == "append" and groups else ""

    def change(baselines: Baselines) -> Baselines:
        for machine, simulated, runs in groups:
            measured = [measured_of(run, machine, shift) for record, run in runs if record.passed]
            found = update(baselines, machine.hard, measured, mode, simulated=simulated, complete=done.complete)
            baselines = found.baselines
            outcomes.extend(found.outcomes)
        return baselines

    if not any(record.passed for _, _, runs in groups for record, _ in runs):
        return
    if not done.complete:
        change(state.baselines)
    else:
        try:
            done.updated = update_folder(state.settings.baseline_dir, change)
        except BaselineError as error:
            done.problems.append(f"the baselines are not updated: {explained(state.config, error)}")
            return
    done.outcomes.extend(outcomes)


def _not_entered(records: Iterable[Record]) -> Iterator[Outcome]:
    """Experiments that the update does not consider, with the reason."""
    for record in records:
        for run in record.runs:
            reason = _why_not(record, run)
            if reason:
                yield Outcome(run.plan.test_id, run.config_hash, "refused", reason)


def _why_not(record: Record, run: Judged) -> str:
    if record.outcome is None:
        return "the run ended before the test did"
    if not record.passed:
        return f"the test was skipped: {record.message}" if record.outcome == "skipped" else "the test did not pass"
    return "" if run.kept else "no repeat is valid"


def _report_refusals(done: Finished, option: str) -> None:
    refused = sum(each.action == "refused" for each in done.outcomes)
    if refused:
        done.problems.append(f"{option}: {refused} of {len(done.outcomes)} experiments did not enter the baselines")
    elif not done.outcomes and not done.problems:
        done.problems.append(f"{option}: nothing was measured, so there is nothing to write")


def measured_of(run: Judged, machine: Fingerprint, problem: str = "") -> Measured:
    """The part of a run that enters a baseline: the repeats of this process, without those of a second look."""
    source = run.origin
    session = session_of(
        run.kept,
        date=source.finished_at,
        git_sha=source.environment.git_commit,
        git_dirty=source.environment.git_dirty,
        soft=machine.soft,
    )
    return Measured(
        test_id=run.plan.test_id,
        config=run.identity,
        config_hash=run.config_hash,
        work=run.kept[0].work,
        sessions=(session,),
        problems=(problem,) if problem else (),
    )
